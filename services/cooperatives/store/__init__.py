"""The only caller of cooperatives.sql: values in, domain objects out.

Lock order: cooperative, officer, members (ids sorted), then applications, withdrawals, journals and charges, then the
accounts of the ledger.
"""

from services.cooperatives.store.registry import (
    as_officer,
    cooperative,
    cooperatives,
    end_office,
    erase_account,
    erased_among,
    insert_cooperative,
    insert_officers,
    lock_as_officer,
    lock_cooperative,
    monthly_dues,
    officers,
    take_member_locks,
)

__all__ = [
    "as_officer",
    "cooperative",
    "cooperatives",
    "end_office",
    "erase_account",
    "erased_among",
    "insert_cooperative",
    "insert_officers",
    "lock_as_officer",
    "lock_cooperative",
    "monthly_dues",
    "officers",
    "take_member_locks",
]
