"""A certificate as others see it: the page that verifies it, and the sheet of paper with its QR code."""

from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import segno
from fpdf import FPDF
from jinja2 import Environment, FileSystemLoader, select_autoescape

from services.programmes.domain.certificate import Standing, masked, standing
from shared import regions
from shared.calendar import day_of

MONTHS = (
    "Januari Februari Maret April Mei Juni Juli Agustus September Oktober November Desember".split()  # noqa: SIM905
)
WORDS: Final = {
    Standing.VALID: "Berlaku",
    Standing.EXPIRED: "Sudah berakhir",
    Standing.REVOKED: "Dicabut",
}
QR_MILLIMETRES = 42.0
LINE_MILLIMETRES = 250.0
_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent.parent / "templates"), autoescape=select_autoescape(["html"])
)


def written(day: date | datetime) -> str:
    """A day as people write it, of a moment the one in Jakarta: "25 November 2026"."""
    if isinstance(day, datetime):
        day = day_of(day)
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def verified(row: Mapping[str, Any], *, now: datetime) -> dict[str, Any]:
    """What anybody with the number may know."""
    status = standing(expires_at=row["expires_at"], revoked_at=row["revoked_at"], now=now)
    return {
        "number": row["number"],
        "status": status.value,
        "scheme": row["scheme"],
        "title": row["title"],
        "provider": row["provider"],
        "region_code": row["region_code"],
        "region_name": regions.full_name_of(row["region_code"]) or row["region_code"],
        "masked_name": None if row["name"] is None else masked(row["name"]),
        "issued_at": row["issued_at"],
        "expires_at": row["expires_at"],
        "revoked_at": row["revoked_at"],
    }


def page(certificate: Mapping[str, Any] | None) -> str:
    """The page of a certificate, or of a number that there is not."""
    return _TEMPLATES.get_template("certificate.html").render(
        title="Verifikasi sertifikat",
        certificate=certificate,
        words=WORDS,
        issued_on=certificate and written(certificate["issued_at"]),
        expires_on=certificate and written(certificate["expires_at"]),
        revoked_on=certificate and certificate["revoked_at"] and written(certificate["revoked_at"]),
    )


def sheet(row: Mapping[str, Any], *, address: str) -> bytes:
    """The certificate as PDF, A4 on its side. `address` is what its QR code says. The same row gives the same bytes."""
    pdf = FPDF(orientation="landscape", format="A4")
    pdf.set_creation_date(row["issued_at"])
    pdf.set_title(f"Sertifikat {row['number']}")
    pdf.set_lang("id")
    pdf.set_auto_page_break(False)
    pdf.add_page()
    pdf.set_draw_color(29, 107, 58)
    pdf.set_line_width(1.2)
    pdf.rect(10, 10, 277, 190)

    def line(text: str, *, size: float, down: float, style: str = "") -> None:
        written_text = _latin(text)
        pdf.set_font("Helvetica", style, size)
        width = pdf.get_string_width(written_text)
        if width > LINE_MILLIMETRES:  # long titles and names are written smaller, not over the edge
            pdf.set_font("Helvetica", style, size * LINE_MILLIMETRES / width)
        pdf.set_xy(20, down)
        pdf.cell(257, size * 0.5, written_text, align="C")

    line("SERTIFIKAT", size=34, down=26, style="B")
    line(f"Nomor {row['number']}", size=12, down=44)
    line("diberikan kepada", size=13, down=60)
    line(row["name"], size=28, down=70, style="B")
    line("yang telah menyelesaikan dan lulus pelatihan", size=13, down=90)
    line(row["title"], size=20, down=100, style="B")
    line(f"skema {row['scheme']}{_standard(row)}", size=13, down=114)
    line(f"oleh {row['provider']}, {written(row['starts_on'])} sampai {written(row['ends_on'])}", size=12, down=124)
    line(regions.full_name_of(row["region_code"]) or row["region_code"], size=12, down=132)
    line(f"Terbit {written(row['issued_at'])}", size=12, down=146)
    line(f"Berlaku sampai {written(row['expires_at'])}", size=12, down=153)
    _draw_qr(pdf, address, x=232, y=146)
    pdf.set_xy(20, 184)
    pdf.set_font("Helvetica", "", 9)
    pdf.cell(207, 4, _latin(f"Periksa keasliannya: {address}"))
    return bytes(pdf.output())


def _standard(row: Mapping[str, Any]) -> str:
    return f", SKKNI {row['skkni_number']}" if row["skkni_number"] else ""


def _draw_qr(pdf: FPDF, text: str, *, x: float, y: float) -> None:
    """Module by module, as squares: sharp at any size."""
    matrix = segno.make(text, error="m", micro=False).matrix
    size = QR_MILLIMETRES / len(matrix)
    pdf.set_fill_color(0, 0, 0)
    for down, modules in enumerate(matrix):
        for right, is_dark in enumerate(modules):
            if is_dark:
                pdf.rect(x + right * size, y + down * size, size, size, style="F")


def _latin(text: str) -> str:
    """Text in the letters of the sheet's font; what it lacks becomes "?" (names are checked when they are given)."""
    return text.replace("\u2019", "'").encode("latin-1", "replace").decode("latin-1")
