"""What catalog refuses, each with the name that clients branch on."""

from shared.problems import Malformed, NotFound, Problem


class ShopNotFound(NotFound):
    """There is no such shop, or it is not yours."""


class ProductNotFound(NotFound):
    """There is no such product, or it is not yours."""


class ImportNotFound(NotFound):
    """There is no such import, or it is not yours."""


class PictureNotFound(NotFound):
    """There is no such picture."""


class UnknownRegion(Malformed):
    """There is no region with this code."""

    slug = "unknown-region"


class UnknownCategory(Malformed):
    """There is no such category."""

    slug = "unknown-category"


class UnknownCurrency(Malformed):
    """Products are sold in rupiah (IDR) only."""

    slug = "unknown-currency"


class SharesDoNotSum(Malformed):
    """The shares of the payees must be of different parties and sum to 10,000 basis points."""

    slug = "shares-do-not-sum"


class NotAMember(Problem):
    """You are no member of this cooperative, or its word of your admission has not come yet."""

    slug = "not-a-member"


class CertificateNeeded(Problem):
    """Products of this category may be sold by certified people only."""

    slug = "certificate-needed"


class ShopClosed(Problem):
    """The shop is closed."""

    slug = "shop-closed"


class NotYourTask(Problem):
    """Your role in this shop does not allow this."""

    status = 403
    slug = "not-your-task"


class OwnerStays(Problem):
    """The owner of a shop cannot be given another role or be removed."""

    slug = "owner-stays"


class StockBelowReserved(Problem):
    """Less would remain than buyers have reserved."""

    slug = "stock-below-reserved"


class StockAboveLimit(Problem):
    """No more than 1,000,000,000 of one product can be kept."""

    slug = "stock-above-limit"


class ProductWithdrawnAlready(Problem):
    """The product was withdrawn and cannot be changed any more."""

    slug = "product-withdrawn"


class TooManyPhotos(Problem):
    """The product has as many photos as it can have."""

    slug = "too-many-photos"


class PictureRefused(Malformed):
    """The file is not a picture that we can show."""

    slug = "picture-refused"


class FileRefused(Malformed):
    """The file cannot be imported."""

    slug = "file-refused"


class TooManyImports(Problem):
    """The shop has other imports waiting; let them finish first."""

    slug = "too-many-imports"
