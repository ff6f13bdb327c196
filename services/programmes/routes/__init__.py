"""HTTP in, by what it is about: trainings, certificates, aid, figures of regions."""

from fastapi import APIRouter

from services.programmes.routes import aids, certificates, figures, trainings
from shared.problems import Unauthenticated, documented

router = APIRouter(prefix="/v1", responses=documented(Unauthenticated))
for part in (figures.router, trainings.router, certificates.router, aids.router):
    router.include_router(part)
