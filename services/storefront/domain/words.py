"""Everything the program itself says to people, in Indonesian: states, refusals, notices.

A refusal is told by the slug of its problem document; the services' own English details are never shown.
"""

from typing import Final

from services.storefront.domain import terms
from services.storefront.domain.sentence import Sentence

ORDER_STATUS: Final = {
    "placed": "Stok sedang dipastikan",
    "reserved": "Menunggu pembayaran",
    "confirmed": "Sedang diproses",
    "reclaiming": "Pembayaran diterima, stok dicek ulang",
    "completed": "Selesai",
    "cancelled": "Dibatalkan",
}
ORDER_TONE: Final = {
    "reserved": "wait",
    "placed": "wait",
    "reclaiming": "wait",
    "completed": "good",
    "cancelled": "bad",
}
PARCEL_STATUS: Final = {
    "pending": "Disiapkan penjual",
    "shipped": "Dalam pengiriman",
    "delivered": "Sudah sampai",
    "completed": "Selesai",
    "cancelled": "Dibatalkan",
    "returned": "Kembali ke toko",
}
CANCEL_REASON: Final = {
    "buyer": "Dibatalkan oleh pembeli.",
    "seller": "Dibatalkan oleh penjual.",
    "out_of_stock": "Stok tidak cukup. Anda tidak membayar apa pun.",
    "unpaid": "Tidak dibayar sampai batas waktu.",
    "payment_refused": "Pembayaran ditolak oleh penyedia pembayaran.",
    "paid_too_late": "Pembayaran datang terlambat dan stok sudah habis. Uang Anda dikembalikan.",
    "operator": "Dibatalkan oleh pengelola Lumbung.",
    "offer_changed": "Harga atau isi produk berubah saat Anda memesan. Anda tidak membayar apa pun.",
}
SHORTAGE: Final = {
    "sold_out": "stoknya tidak cukup",
    "withdrawn": "tidak dijual lagi",
    "unknown": "tidak dijual lagi",
    "changed": "harga atau isinya baru saja berubah",
}
PAYMENT_METHOD: Final = {
    "qris": "QRIS",
    "va": "Transfer rekening virtual",
    "cod": "Bayar di tempat (COD)",
    "savings": "Simpanan koperasi",
}
TIMELINE: Final = {
    "placed": "Pesanan dibuat",
    "reserved": "Stok disisihkan untuk Anda",
    "paid": "Pembayaran diterima",
    "confirmed": "Pesanan diteruskan ke penjual",
    "cancelled": "Pesanan dibatalkan",
    "parcel_shipped": "Paket dikirim",
    "parcel_delivered": "Paket sampai",
    "parcel_completed": "Paket diterima baik",
    "parcel_cancelled": "Paket dibatalkan",
    "parcel_returned": "Paket kembali ke toko",
    "completed": "Pesanan selesai",
    "payment_late": "Pembayaran datang terlambat, stok diminta lagi",
    "payment_wrong_amount": "Jumlah yang dibayar tidak sama, dikembalikan",
    "payment_duplicate": "Pembayaran kedua kali, dikembalikan",
    "payment_after_cancel": "Pembayaran setelah batal, dikembalikan",
    "refund_requested": "Pengembalian uang diproses",
    "refund_made": "Uang dikembalikan",
    "refund_failed": "Pengembalian uang tertunda, kami periksa",
}
IMPORT_STATE: Final = {
    "waiting": "Menunggu giliran",
    "running": "Sedang dibaca",
    "done": "Selesai",
    "refused": "Ditolak",
}
COLUMN: Final = {
    "title": "judul",
    "description": "keterangan",
    "category": "kategori",
    "unit_price_minor": "harga",
    "stock": "stok",
    "weight_grams": "berat",
}
SHOP_ROLE: Final = {"owner": "Pemilik", "manager": "Pengelola", "packer": "Petugas kemas"}
SORTS: Final = {
    "": "Paling cocok",
    "newest": "Terbaru",
    "price_asc": "Harga terendah",
    "price_desc": "Harga tertinggi",
}
NOTICES: Final = terms.NOTICES | {
    "masuk": Sentence("Selamat datang", "Anda sudah masuk."),
    "keluar": Sentence("Anda sudah keluar", "Sampai jumpa lagi."),
    "sisa": Sentence("Keranjang digabung", "Sebagian barang tidak tersedia lagi dan tidak ikut masuk keranjang."),
    "ditambah": Sentence("Masuk keranjang", "Barang sudah ada di keranjang Anda."),
    "keranjang": Sentence("Keranjang diperbarui", "Jumlah barang sudah disimpan."),
    "setuju": Sentence("Keranjang diperbarui", "Harga dan isi yang baru sudah dipakai."),
    "berubah": Sentence("Ada yang berubah", "Periksa lagi harga dan jumlah di keranjang sebelum memesan."),
    "batal": Sentence("Pembatalan dicatat", "Pesanan ini dibatalkan."),
    "diterima": Sentence("Terima kasih", "Penjual diberi tahu bahwa paket sudah Anda terima dengan baik."),
    "toko": Sentence("Toko dibuka", "Selanjutnya tambahkan produk, satu per satu atau dari lembar kerja."),
    "produk": Sentence("Produk disimpan", "Perubahan langsung terlihat oleh pembeli."),
    "ditarik": Sentence("Produk ditarik", "Produk ini tidak dijual lagi."),
    "stok": Sentence("Stok disimpan", "Jumlah yang tersedia sudah diperbarui."),
    "tak-dikirim": Sentence("Paket dibatalkan", "Stok kembali ke rak, dan uang pembeli dikembalikan."),
    "dikirim": Sentence("Paket ditandai dikirim", "Pembeli dapat mengikuti nomor resinya."),
    "sampai": Sentence("Paket ditandai sampai", "Menunggu pembeli menyatakan barang diterima baik."),
    "ditolak": Sentence("Belum bisa disimpan", "Data berubah sementara itu. Muat ulang halaman, lalu coba lagi."),
    "stok-kurang": Sentence("Stok tidak bisa dikurangi", "Sebanyak itu sudah disisihkan untuk pesanan pembeli."),
    "jumlah": Sentence("Jumlah tidak dikenali", "Tulis bilangan bulat, misalnya 3."),
    "penuh": Sentence("Keranjang penuh", "Selesaikan dulu pesanan Anda, atau hapus beberapa barang."),
    "habis": Sentence("Tidak bisa ditambahkan", "Produk ini tidak dijual lagi."),
    "terlambat": Sentence("Tidak bisa lagi", "Keadaan pesanan sudah berubah. Lihat yang terbaru di bawah ini."),
    "bukan-tugas": Sentence("Bukan tugas Anda", "Peran Anda di toko ini tidak mengizinkannya."),
}

_BY_SLUG: Final = terms.SENTENCES | {
    "not-found": Sentence("Tidak ditemukan", "Halaman atau barang ini tidak ada, atau bukan milik Anda."),
    "forbidden": Sentence("Tidak diizinkan", "Anda tidak punya hak untuk melakukan ini."),
    "not-your-task": NOTICES["bukan-tugas"],
    "foreign-form": Sentence(
        "Formulir sudah kedaluwarsa", "Kembali ke halaman sebelumnya, muat ulang, lalu kirim sekali lagi."
    ),
    "upstream-unreachable": Sentence(
        "Sedang ada gangguan", "Sebagian layanan belum menjawab. Data Anda aman; coba lagi sebentar lagi."
    ),
    "overloaded": Sentence("Sedang ramai", "Banyak orang berbelanja saat ini. Coba lagi beberapa detik lagi."),
    "wrong-code": Sentence("Kode tidak cocok", "Kode salah, sudah dipakai, atau kedaluwarsa. Minta kode baru."),
    "invalid-grant": Sentence(
        "Tidak cocok", "Nomor, surel, kode, atau kata sandi tidak cocok, atau sudah kedaluwarsa."
    ),
    "too-many-codes": Sentence("Terlalu sering", "Pakai kode terakhir yang Anda terima, atau tunggu satu menit."),
    "too-many-attempts": Sentence("Terlalu banyak percobaan", "Tunggu satu menit sebelum mencoba lagi."),
    "too-many-requests": Sentence("Terlalu cepat", "Tunggu sebentar sebelum mencoba lagi."),
    "contact-taken": Sentence("Belum bisa masuk", "Mungkin nomor atau surel ini sudah punya akun. Coba masuk."),
    "unknown-products": Sentence(
        "Ada barang yang tidak dijual lagi", "Hapus barang itu dari keranjang, lalu pesan lagi."
    ),
    "offer-changed": NOTICES["berubah"],
    "empty-cart": Sentence("Keranjang kosong", "Tidak ada yang dipesan. Mungkin pesanan ini sudah dibuat."),
    "cart-full": NOTICES["penuh"],
    "order-too-large": Sentence(
        "Pesanan terlalu besar", "Nilai pesanan melebihi batas sekali bayar. Bagilah menjadi dua."
    ),
    "payment-method-unavailable": Sentence("Cara bayar belum tersedia", "Pilih cara bayar yang lain."),
    "not-cancellable": Sentence("Tidak bisa dibatalkan lagi", "Paket sudah dikirim atau pesanan sudah berakhir."),
    "wrong-parcel-state": NOTICES["terlambat"],
    "wrong-amount-collected": Sentence("Jumlah uang tidak sama", "Uang yang diterima harus sama dengan tagihan paket."),
    "version-changed": NOTICES["ditolak"],
    "product-withdrawn": Sentence("Produk sudah ditarik", "Produk yang ditarik tidak dapat diubah lagi."),
    "stock-below-reserved": NOTICES["stok-kurang"],
    "stock-above-limit": Sentence("Stok terlalu banyak", "Satu produk paling banyak 1.000.000.000 buah."),
    "unknown-region": Sentence("Wilayah tidak dikenal", "Pilih kabupaten atau kota dari daftar."),
    "unknown-category": Sentence("Kategori tidak dikenal", "Pilih kategori dari daftar."),
    "shop-closed": Sentence("Toko sudah tutup", "Toko ini tidak menerima perubahan lagi."),
    "file-refused": Sentence(
        "Berkas tidak bisa dibaca", "Pakai berkas CSV atau XLSX dengan kolom seperti pada contoh."
    ),
    "picture-refused": Sentence("Gambar tidak bisa dipakai", "Pakai foto JPEG, PNG, atau WebP."),
    "too-many-photos": Sentence("Foto sudah penuh", "Hapus satu foto sebelum menambah yang baru."),
    "too-many-imports": Sentence("Masih ada impor lain", "Tunggu sampai impor sebelumnya selesai."),
    "idempotency-key-reused": Sentence("Pesanan sudah dikirim", "Lihat daftar pesanan Anda."),
    "malformed": Sentence("Ada isian yang belum benar", "Periksa kembali isian Anda."),
}
_BY_STATUS: Final = {
    403: _BY_SLUG["forbidden"],
    404: Sentence("Halaman tidak ditemukan", "Mungkin alamatnya salah ketik, atau produknya sudah tidak dijual."),
    405: Sentence("Halaman tidak ditemukan", "Alamat ini tidak dapat dibuka dengan cara itu."),
    413: Sentence("Berkas terlalu besar", "Bagilah menjadi beberapa berkas yang lebih kecil."),
    422: _BY_SLUG["malformed"],
    429: _BY_SLUG["too-many-requests"],
    500: Sentence("Ada yang salah di pihak kami", "Kami sudah mencatatnya. Coba lagi sebentar lagi."),
    503: _BY_SLUG["upstream-unreachable"],
}


def problem_sentence(slug: str, status: int) -> Sentence:
    """What to say of a problem document with this slug and status."""
    if status == 404 and slug in {"", "not-found"}:
        return _BY_STATUS[404]
    by_status = _BY_STATUS.get(status, Sentence("Belum berhasil", "Permintaan ini tidak dapat dijalankan sekarang."))
    return _BY_SLUG.get(slug, by_status)


def known_sentence(slug: str) -> Sentence | None:
    """The sentence of a slug that came in an address; None for one that we never wrote there."""
    return _BY_SLUG.get(slug)
