"""`python -m bench.online_marketplace`: runs profiles and writes their figures and verdicts as JSON.

`make bench` calls it; on its own it is for trials: `--scale 0.02 --seconds 10 --concurrency 8 --keep`.
"""

import json
import logging
import sys
from functools import partial
from pathlib import Path

import click
import uvloop

from bench.online_marketplace.profiles import PROFILES
from bench.online_marketplace.run import Place, run_profile
from bench.stage import HOME, PORT_BASE, say


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--profile", "names", multiple=True, type=click.Choice(list(PROFILES)), default=("OM-2C",))
@click.option("--scale", default=1.0, show_default=True, help="Share of customers and sellers.")
@click.option("--seconds", type=float, help="How long each load runs, six epochs; default: the profile's own.")
@click.option("--concurrency", default="", help="Comma separated; default: the profile's own sweep.")
@click.option("--pgbench-seconds", default=15, show_default=True, help="0: no comparison.")
@click.option("--seed", default=20250622, show_default=True)
@click.option("--keep", is_flag=True, help="Leave the stack running afterwards.")
@click.option("--home", default=HOME, show_default=True)
@click.option("--port-base", default=PORT_BASE, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), help="Default: standard output.")
def main(
    names: tuple[str, ...],
    scale: float,
    seconds: float | None,
    concurrency: str,
    pgbench_seconds: int,
    seed: int,
    keep: bool,
    home: str,
    port_base: str,
    out: Path | None,
) -> None:
    """The Online Marketplace benchmark, on a stack of its own that is made anew for each profile."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # a broker that is killed on purpose is no news
    chosen = tuple(int(number) for number in concurrency.split(",") if number)
    results = {}
    for name in names:
        profile = PROFILES[name]
        if scale != 1.0 or seconds is not None or chosen:
            profile = profile.scaled(people=scale, seconds=seconds or profile.seconds, concurrency=chosen)
        results[name] = uvloop.run(
            run_profile(
                profile,
                Place(home, port_base),
                seed=seed,
                pgbench_seconds=pgbench_seconds,
                is_kept=keep,
                say=partial(say, err=True),
            )
        )
    text = json.dumps(results, indent=1) + "\n"
    if out is None:
        sys.stdout.write(text)
    else:
        out.write_text(text)


if __name__ == "__main__":
    main()
