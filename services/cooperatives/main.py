"""The cooperatives service as a process: the only place that wires things."""

from services.cooperatives.handlers import handlers, patronage
from services.cooperatives.routes import routers
from services.cooperatives.settings import CooperativesSettings
from shared.service import Service

service = Service(name="cooperatives", settings=CooperativesSettings, routers=routers, handlers=(handlers, patronage))

if __name__ == "__main__":
    service.main()
