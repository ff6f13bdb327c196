"""What the catalog service is told by its environment."""

from pathlib import Path

from pydantic import Field

from shared.settings import ServiceSettings


class CatalogSettings(ServiceSettings):
    """Beside what every service needs: where pictures are, and how much a file may hold."""

    home: Path = Field(default=Path(".local/stack"), description="The data folder of the stack.")
    media_dir: Path | None = Field(
        default=None, description="Where pictures are kept, by their content. Not set: `media` in the data folder."
    )
    photo_bytes_max: int = Field(default=8 * 1024 * 1024, ge=1024, le=64 * 1024 * 1024)
    photo_pixels_max: int = Field(default=40_000_000, ge=10_000, description="Width times height; more is refused.")
    photos_per_product_max: int = Field(default=8, ge=1, le=50)
    import_bytes_max: int = Field(default=10 * 1024 * 1024, ge=1024, le=64 * 1024 * 1024)
    import_rows_max: int = Field(default=50_000, ge=1, le=500_000)
    import_poll_seconds: float = Field(default=2.0, gt=0, description="How often waiting imports are looked for.")
    import_lease_seconds: float = Field(default=20.0, gt=0, description="A runner that is silent longer is replaced.")
    reading_memory_bytes_max: int = Field(default=768 * 1024 * 1024, ge=128 * 1024 * 1024)
    reading_cpu_seconds_max: int = Field(default=15, ge=1)
    reading_seconds_max: float = Field(default=30.0, gt=0, description="Reading one file takes no longer.")
    facets_kept_seconds: float = Field(default=10.0, ge=0, description="How old the counts beside a list may be.")

    @property
    def pictures(self) -> Path:
        """The folder of pictures."""
        return self.media_dir or self.home / "media"
