"""How large a run is: people, goods, concurrency, skew. The names are those of the specification's section 13."""

from dataclasses import dataclass, replace

EPOCHS = 6
WARMUP_EPOCHS = 2


@dataclass(frozen=True, slots=True)
class Profile:
    """One shape of a run. `seller_skew` is the exponent of the Zipf distribution; 0 is uniform."""

    name: str
    customers: int
    sellers: int
    products_per_seller: int
    stock: int
    concurrency: tuple[int, ...]
    seconds: float = 60
    seller_skew: float = 0.0
    is_single_seller: bool = False
    acceptance: float = 1.0
    republished_share: float = 0.05
    kills: tuple[str, ...] = ()
    held_down: str = ""  # which of them is not let up again for ten seconds

    @property
    def products(self) -> int:
        """How many products there are."""
        return self.sellers * self.products_per_seller

    def scaled(self, *, people: float, seconds: float, concurrency: tuple[int, ...] = ()) -> "Profile":
        """The same shape, smaller: for trials and quick runs; never fewer customers than transactions in flight."""
        chosen = concurrency or self.concurrency
        return replace(
            self,
            customers=max(round(self.customers * people), 2 * max(chosen)),
            sellers=max(round(self.sellers * people), 10),
            seconds=seconds,
            concurrency=chosen,
        )


OM_FULL = Profile("OM-FULL", 100_000, 10_000, 10, 10_000, (1, 8, 16, 24, 32, 40, 48, 56, 64, 128, 256, 512, 1024))
OM_2C = Profile("OM-2C", 10_000, 1_000, 10, 10_000, (1, 4, 8, 16, 32, 64, 128))
OM_HOT = Profile("OM-HOT", 1_000, 20, 10, 50, (32,), seller_skew=1.0, is_single_seller=True)
OM_FAIL = Profile(
    "OM-FAIL",
    10_000,
    1_000,
    10,
    10_000,
    (16,),
    seconds=120,  # so that there is a market between two blows
    acceptance=0.9,
    kills=("orders", "orders-worker", "catalog", "payments", "postgres", "kafka"),
    held_down="catalog",
)
PROFILES = {profile.name: profile for profile in (OM_FULL, OM_2C, OM_HOT, OM_FAIL)}
