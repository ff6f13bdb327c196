"""What orders refuses, and how each refusal is called."""

from shared.problems import Problem


class UnknownProducts(Problem):
    """Some of these products are not for sale."""

    status = 409
    slug = "unknown-products"


class OfferChanged(Problem):
    """Price or version of a product changed since you saw it; the current values are in `offers`."""

    status = 409
    slug = "offer-changed"


class MixedCurrencies(Problem):
    """An order is paid in one currency, rupiah."""

    status = 409
    slug = "mixed-currencies"


class OrderTooLarge(Problem):
    """The order's total is beyond what can be paid at once."""

    status = 409
    slug = "order-too-large"


class EmptyCart(Problem):
    """There is nothing in the cart."""

    status = 409
    slug = "empty-cart"


class CartFull(Problem):
    """A cart holds at most 100 different products."""

    status = 409
    slug = "cart-full"


class NotCancellable(Problem):
    """It is too late to cancel this."""

    status = 409
    slug = "not-cancellable"


class WrongParcelState(Problem):
    """The parcel is not in a state in which this can happen."""

    status = 409
    slug = "wrong-parcel-state"


class WrongAmountCollected(Problem):
    """The cash collected must be exactly what the parcel costs."""

    status = 409
    slug = "wrong-amount-collected"


class MoreThanSent(Problem):
    """More was returned than the parcel held."""

    status = 409
    slug = "more-than-sent"


class MoreThanPaid(Problem):
    """A refund cannot be more than what was paid and not yet given back."""

    status = 409
    slug = "more-than-paid"


class RefundNotFailed(Problem):
    """Only a refund that has failed can be tried again."""

    status = 409
    slug = "refund-not-failed"


class UnknownCharge(Problem):
    """There is no such charge here."""

    status = 404
    slug = "unknown-charge"


class BadSignature(Problem):
    """The notification is not signed by the provider, or is too old."""

    status = 401
    slug = "bad-signature"


class NothingToPay(Problem):
    """There is nobody to pay now."""

    status = 409
    slug = "nothing-to-pay"


class WrongBatchState(Problem):
    """The batch of payouts is not in a state in which this can happen."""

    status = 409
    slug = "wrong-batch-state"


class SecondPersonNeeded(Problem):
    """Another person than the one who drafted the batch must approve it."""

    status = 403
    slug = "second-person-needed"


class BadBankAnswer(Problem):
    """This file is not an answer of the bank that can be believed."""

    status = 422
    slug = "bad-bank-answer"


class ContradictingAnswer(Problem):
    """The bank's answer contradicts the batch, or what the bank said before; nothing of it was taken over."""

    status = 409
    slug = "contradicting-answer"


class BankFileErased(Problem):
    """The file holds accounts of people who were erased, so it can no longer be read; its checksum is kept."""

    status = 410
    slug = "bank-file-erased"


class MoreThanOwed(Problem):
    """The cooperative owes less than that."""

    status = 409
    slug = "more-than-owed"


class ReferenceCounted(Problem):
    """A payment with this reference was counted before."""

    status = 409
    slug = "reference-counted"
