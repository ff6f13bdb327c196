"""Reading: the trial balance of one moment, statements page by page."""

from uuid import uuid4

from shared import ledger
from shared.ledger import Kind, NewAccount, Side
from tests.ledger.conftest import Books, NewBooks, move


async def test_both_columns_of_the_trial_balance_have_one_sum_and_a_negative_balance_is_in_the_other(
    new_books: NewBooks,
) -> None:
    books = await new_books()
    async with books.db.transaction() as conn:
        ids = await ledger.open_accounts(
            conn,
            [
                NewAccount("bank", Kind.ASSET, balance_min_minor=None),
                NewAccount("members", Kind.LIABILITY),
                NewAccount("returns", Kind.INCOME, normal_side=Side.DEBIT),
                NewAccount("sales", Kind.INCOME),
            ],
        )
        await ledger.post_all(
            conn,
            [
                move(ids["bank"], ids["members"], 100),
                move(ids["members"], ids["sales"], 60),
                move(ids["returns"], ids["bank"], 130),
            ],
        )

        lines = await ledger.trial_balance(conn)

    assert [(line.code, line.kind, line.debit_minor, line.credit_minor) for line in lines] == [
        ("bank", Kind.ASSET, 0, 30),
        ("members", Kind.LIABILITY, 0, 40),
        ("returns", Kind.INCOME, 130, 0),
        ("sales", Kind.INCOME, 0, 60),
    ]
    assert sum(line.debit_minor for line in lines) == sum(line.credit_minor for line in lines) == 130


async def test_a_statement_is_read_page_by_page_without_repeating_or_missing_a_line(books: Books) -> None:
    bank, account = await books.account(Kind.ASSET), await books.account()
    transfers = [move(bank, account, amount) for amount in range(1, 8)]
    async with books.db.transaction() as conn:
        await ledger.post_all(conn, transfers)

    pages: list[list[ledger.Line]] = []
    async with books.db.reading() as conn:
        while not pages or pages[-1]:
            after = pages[-1][-1].version if pages else 0
            pages.append(await ledger.statement(conn, account, after=after, limit=3))

    assert [len(page) for page in pages] == [3, 3, 1, 0]
    lines = [line for page in pages for line in page]
    assert [(line.version, line.transfer_id) for line in lines] == [
        (number, transfer.id) for number, transfer in enumerate(transfers, start=1)
    ]
    assert [line.balance_after_minor for line in lines] == [1, 3, 6, 10, 15, 21, 28]


async def test_an_unknown_account_has_no_lines(books: Books) -> None:
    async with books.db.reading() as conn:
        assert await ledger.statement(conn, uuid4()) == []
        assert await ledger.about(conn, {"order_id": str(uuid4())}) == []
