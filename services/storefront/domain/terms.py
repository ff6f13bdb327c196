"""The words of money, cooperatives, lending and programmes, in Indonesian; beside those of the market in words.py."""

from typing import Final

from services.storefront.domain.sentence import Sentence

STATEMENT: Final = {
    "parcel_settled": "Paket selesai",
    "refund": "Pengembalian dana",
    "payout": "Pencairan ke rekening",
    "payout_returned": "Pencairan kembali dari bank",
    "instalment_withheld": "Angsuran pinjaman",
    "instalment": "Angsuran pinjaman",
    "instalment_refused": "Angsuran dikembalikan pemberi pinjaman",
}
PAYOUT_STATUS: Final = {
    "draft": "Disiapkan",
    "left_out": "Belum dibayarkan",
    "scheduled": "Dalam perjalanan",
    "withheld": "Seluruhnya untuk angsuran",
    "paid": "Sudah masuk rekening",
    "returned": "Dikembalikan bank",
    "cancelled": "Dibatalkan",
}
PAYOUT_TONE: Final = {"paid": "good", "withheld": "good", "returned": "bad", "left_out": "wait", "scheduled": "wait"}
LEFT_OUT: Final = {
    "no_bank_account": "Isi dulu rekening bank toko.",
    "bank_account_fresh": "Rekening baru diganti; pencairan ditahan beberapa hari demi keamanan.",
    "below_minimum": "Saldo di bawah batas pencairan; dibayarkan bersama yang berikutnya.",
}
REFUND_REASONS: Final = {
    "damaged": "Barang rusak",
    "wrong_item": "Barang tidak sesuai",
    "missing": "Barang kurang",
    "late": "Terlambat sampai",
    "goodwill": "Kesepakatan dengan pembeli",
}
BANKS: Final = {
    "002": "BRI",
    "008": "Mandiri",
    "009": "BNI",
    "200": "BTN",
    "014": "BCA",
    "451": "BSI",
    "022": "CIMB Niaga",
    "013": "Permata",
    "011": "Danamon",
    "121": "Bank Lampung",
    "137": "Bank Banten",
    "110": "Bank BJB",
}

OFFICE: Final = {"ketua": "Ketua", "sekretaris": "Sekretaris", "bendahara": "Bendahara", "pengawas": "Pengawas"}
MEMBER_STATE: Final = {
    "candidate": "Calon anggota",
    "active": "Anggota",
    "suspended": "Non-aktif",
    "ended": "Sudah keluar",
}
MEMBER_TONE: Final = {"candidate": "wait", "active": "good", "suspended": "wait", "ended": ""}
SAVINGS: Final = {
    "principal": "Simpanan pokok",
    "mandatory": "Simpanan wajib",
    "voluntary": "Simpanan sukarela",
    "payable": "Utang kepada anggota",
}
MOVEMENT: Final = {
    "deposit": "Setoran",
    "withdrawal": "Penarikan",
    "charge": "Bayar belanja",
    "refund": "Pengembalian belanja",
    "ended": "Keanggotaan berakhir",
    "surplus": "Bagian SHU",
}
WITHDRAWAL_STATE: Final = {
    "waiting": "Menunggu pengurus kedua",
    "paid": "Sudah dibayarkan",
    "refused": "Ditolak",
}
POOLS: Final = {
    "reserve": "Dana cadangan",
    "member_capital": "Jasa modal (menurut simpanan)",
    "member_service": "Jasa anggota (menurut transaksi)",
    "management": "Dana pengurus",
    "staff": "Dana karyawan",
    "education": "Dana pendidikan",
    "social": "Dana sosial",
    "area_development": "Dana pembangunan daerah kerja",
}
CAPITAL_BASE: Final = {"principal_and_mandatory": "simpanan pokok dan wajib", "all_savings": "semua simpanan"}
ROUNDING: Final = {
    "floor": "pecahan rupiah masuk cadangan",
    "largest_remainder": "pecahan rupiah dibagikan mulai dari yang terbesar",
}
SIDE: Final = {"seller": "Penjualan", "buyer": "Belanja"}
MEETING: Final = {"annual": "Rapat Anggota Tahunan", "extraordinary": "Rapat Anggota Luar Biasa"}
MEETING_STATE: Final = {
    "called": "Diundang",
    "open": "Sedang berlangsung",
    "counted": "Menunggu tanda tangan",
    "closed": "Selesai",
}
MEETING_TONE: Final = {"open": "wait", "counted": "wait", "closed": "good"}
MOTION: Final = {
    "accounts": "Laporan pertanggungjawaban",
    "surplus": "Pembagian SHU",
    "loss": "Penutupan rugi",
    "plan": "Rencana kerja dan anggaran",
    "officers": "Pengurus dan pengawas",
    "articles": "Perubahan anggaran dasar",
    "other": "Lainnya",
}
CHOICE: Final = {"yes": "Setuju", "no": "Tidak setuju", "abstain": "Abstain"}

PURPOSE: Final = {"working_capital": "Modal kerja", "equipment": "Peralatan", "investment": "Investasi"}
SCOPE: Final = {
    "sales": "Penjualan: omzet, paket selesai, dan pengembalian dana per bulan",
    "cooperative": "Keanggotaan koperasi",
    "certificates": "Sertifikat pelatihan",
    "repayment": "Riwayat pembayaran pinjaman di Lumbung",
}
APPLICATION_STATE: Final = {
    "published": "Menunggu penawaran",
    "accepted": "Penawaran diterima",
    "withdrawn": "Ditarik pemohon",
    "expired": "Lewat waktu",
    "consent_ended": "Izin dicabut",
    "declined": "Tidak ada yang menawarkan",
}
APPLICATION_TONE: Final = {"published": "wait", "accepted": "good"}
OFFER_STATE: Final = {
    "open": "Bisa dipilih",
    "accepted": "Dipilih",
    "lost": "Tidak dipilih",
    "withdrawn": "Ditarik",
    "expired": "Lewat waktu",
}
SCHEME: Final = {
    "annuity": "Anuitas",
    "flat": "Bunga flat",
    "sliding": "Bunga menurun",
    "murabahah": "Murabahah (syariah)",
}
LOAN_STATE: Final = {"agreed": "Menunggu dicairkan", "running": "Berjalan", "repaid": "Lunas"}
LOAN_TONE: Final = {"agreed": "wait", "repaid": "good"}
COLLECTABILITY: Final = {
    1: "Lancar",
    2: "Dalam perhatian khusus",
    3: "Kurang lancar",
    4: "Diragukan",
    5: "Macet",
}
SIZE_CLASS: Final = {"micro": "Mikro", "small": "Kecil", "medium": "Menengah", "large": "Besar"}
CRITERION: Final = {
    "amount": "jumlah",
    "tenor": "jangka waktu",
    "sector": "bidang usaha",
    "region": "wilayah",
    "consent": "data yang diizinkan dibaca",
    "size_class": "ukuran usaha",
    "turnover": "omzet setahun",
    "certificate": "sertifikat",
    "kur": "aturan KUR",
}
ACKNOWLEDGEMENT: Final = {
    "not_due": "belum perlu",
    "waiting": "menunggu pernyataan berhenti",
    "overdue": "terlambat menyatakan berhenti",
    "acknowledged": "sudah menyatakan berhenti",
}
ACCESS: Final = {
    "consent_ended": "izin sudah berakhir",
    "not_told": "bukan penerima permohonan",
    "application_closed": "permohonan sudah ditutup",
}
CONSENT_END: Final = {"revoked": "Dicabut", "expired": "Lewat waktu", "erased": "Akun dihapus"}
FACTOR: Final = {
    "turnover": "Omzet bersih setahun",
    "parcels_completed": "Paket selesai",
    "parcels_refunded": "Paket dengan pengembalian dana",
    "refund_rate": "Tingkat pengembalian",
    "months_active": "Bulan aktif",
    "variation": "Naik turun omzet",
    "loans": "Pinjaman di Lumbung",
    "dues_on_time": "Angsuran tepat waktu",
}
BAND: Final = {
    "high": "tinggi",
    "usual": "wajar",
    "low": "rendah",
    "long": "lama",
    "some": "sedang",
    "short": "singkat",
    "steady": "stabil",
    "seasonal": "musiman",
    "uneven": "tidak rata",
    "punctual": "tepat waktu",
    "mostly": "hampir selalu",
    "late": "sering terlambat",
}
DECLINE_REASONS: Final = {
    "outside_policy": "Di luar kebijakan pembiayaan",
    "turnover_too_low": "Omzet belum cukup",
    "quota_reached": "Kuota sudah habis",
    "other": "Alasan lain",
}
SUBSCRIPTION_STATE: Final = {"active": "Aktif", "paused": "Dijeda", "disabled": "Dimatikan"}
SUBSCRIPTION_TONE: Final = {"active": "good", "paused": "wait", "disabled": "bad"}
TRANSPORT: Final = {"webhook": "Webhook", "kafka": "Topik Kafka", "pull": "Diambil (pull)"}

ENROLMENT: Final = {
    "enrolled": "Terdaftar",
    "waiting": "Daftar tunggu",
    "passed": "Lulus",
    "failed": "Belum lulus",
    "withdrawn": "Mengundurkan diri",
}
ENROLMENT_TONE: Final = {"enrolled": "good", "waiting": "wait", "passed": "good", "failed": "bad"}
CERTIFICATE: Final = {"valid": "Berlaku", "expired": "Kedaluwarsa", "revoked": "Dicabut"}
CERTIFICATE_TONE: Final = {"valid": "good", "expired": "wait", "revoked": "bad"}

NOTICES: Final = {
    "rekening": Sentence(
        "Rekening disimpan", "Demi keamanan, pencairan ditahan beberapa hari setelah rekening diganti."
    ),
    "pajak": Sentence("Pernyataan pajak disimpan", "Berlaku untuk paket yang selesai mulai sekarang."),
    "dana-kembali": Sentence("Pengembalian dana diproses", "Pembeli menerima uangnya; rincian toko menyesuaikan."),
    "izin-dicabut": Sentence(
        "Izin dicabut", "Mulai sekarang data tidak dapat dibaca. Penerima wajib menyatakan berhenti."
    ),
    "permohonan": Sentence(
        "Permohonan dikirim", "Pemberi pinjaman yang cocok sudah diberi tahu. Tunggu penawarannya di sini."
    ),
    "permohonan-ditarik": Sentence("Permohonan ditarik", "Penawaran yang ada ikut berakhir."),
    "pinjaman": Sentence("Penawaran diterima", "Pemberi pinjaman akan mencairkan dana ke rekening Anda."),
    "koperasi": Sentence("Koperasi terdaftar", "Terima simpanan pokok para pendiri agar mereka resmi menjadi anggota."),
    "pengurus": Sentence("Pengurus diangkat", "Ia kini dapat membuka kantor koperasi."),
    "melamar": Sentence("Permohonan dikirim", "Pengurus koperasi akan memeriksanya."),
    "tergabung": Sentence("Keanggotaan terhubung", "Simpanan Anda kini terlihat dari akun ini."),
    "disetujui": Sentence("Disetujui", "Sudah dicatat atas nama Anda."),
    "ditolak-pengurus": Sentence("Ditolak", "Sudah dicatat atas nama Anda."),
    "anggota-baru": Sentence("Permohonan dicatat", "Periksa, lalu setujui di bawah ini."),
    "setoran": Sentence("Setoran dicatat", "Saldo anggota sudah bertambah."),
    "ditarik-tunai": Sentence("Penarikan dibayarkan", "Serahkan uangnya kepada anggota."),
    "penarikan-tunggu": Sentence("Menunggu pengurus kedua", "Jumlahnya di atas batas; pengurus lain harus menyetujui."),
    "rapat": Sentence("Rapat dicatat", "Kirim undangan kepada anggota, lalu isi daftar hadir pada hari rapat."),
    "hadir": Sentence("Daftar hadir disimpan", "Kuorum dihitung dari daftar ini."),
    "rapat-dibuka": Sentence("Rapat dibuka", "Kuorum tercapai. Anggota yang hadir dapat memberikan suara."),
    "usul": Sentence("Usul dicatat", "Anggota yang hadir dapat memberikan suara."),
    "suara": Sentence("Suara dihitung", "Satu anggota satu suara, dan tidak dapat diubah."),
    "tanda-tangan": Sentence(
        "Berita acara ditandatangani", "Rapat selesai setelah ketua dan sekretaris menandatangani."
    ),
    "shu": Sentence("SHU dibagikan", "Bagian setiap anggota sudah dibukukan."),
    "shu-cair": Sentence("SHU dipindahkan", "Bagian SHU sudah masuk simpanan."),
    "penawaran": Sentence("Penawaran dikirim", "Pemohon melihatnya berdampingan dengan yang lain."),
    "tidak-menawarkan": Sentence("Penolakan dicatat", "Permohonan ini tidak lagi menunggu Anda."),
    "cair": Sentence("Pencairan dicatat", "Jadwal angsuran mulai berjalan."),
    "bayar": Sentence("Pembayaran dicatat", "Dihitung untuk angsuran yang tertua."),
    "uji": Sentence("Peristiwa uji dikirim", "Semua langganan Anda akan menerimanya."),
    "ulang": Sentence("Dikirim ulang", "Peristiwa dari posisi itu dikirim lagi dengan nomor yang sama."),
    "jeda": Sentence("Dijeda", "Tidak ada yang hilang; lanjutkan kapan saja."),
    "lanjut": Sentence("Dilanjutkan", "Pengiriman berjalan dari tempat terakhir."),
    "berhenti": Sentence("Pernyataan dicatat", "Pemilik data melihat bahwa Anda sudah berhenti."),
    "terdaftar": Sentence("Anda terdaftar", "Sampai jumpa di pelatihan."),
    "tunggu": Sentence("Masuk daftar tunggu", "Kursi penuh; Anda naik bila ada yang mundur."),
    "mundur": Sentence("Pendaftaran dibatalkan", "Kursi Anda diberikan kepada yang menunggu."),
}

SENTENCES: Final = {
    "more-than-paid": Sentence("Lebih dari yang dibayar", "Jumlah pengembalian melebihi yang dibayar pembeli."),
    "more-than-sent": Sentence("Lebih dari yang dikirim", "Kurangi jumlah barang yang dikembalikan dananya."),
    "desk-refused": Sentence("Tidak cocok", "Periksa ID klien dan kata rahasia dari pengelola Lumbung."),
    "invalid-client": Sentence("Tidak cocok", "Periksa ID klien dan kata rahasia dari pengelola Lumbung."),
    "needs-another-person": Sentence(
        "Perlu orang lain", "Yang mengajukan tidak boleh menyetujui. Mintalah pengurus lain."
    ),
    "second-person-needed": Sentence("Perlu orang lain", "Yang mengajukan tidak boleh menyetujui."),
    "identity-number-refused": Sentence(
        "NIK tidak dapat dipakai", "Periksa 16 angka NIK; orang tanpa akun dikenali dari situ."
    ),
    "too-few-founders": Sentence("Pendiri belum cukup", "Koperasi primer didirikan paling sedikit sembilan orang."),
    "number-taken": Sentence("Nomor sudah dipakai", "Nomor badan hukum itu milik koperasi lain."),
    "office-taken": Sentence("Jabatan sudah terisi", "Orang itu sudah memegang jabatan."),
    "applied-already": Sentence("Sudah pernah melamar", "Satu orang satu keanggotaan. Tunggu keputusan pengurus."),
    "application-decided": Sentence("Sudah diputuskan", "Permohonan ini sudah diputuskan pengurus lain."),
    "not-in-this-state": Sentence("Belum bisa sekarang", "Keadaan anggota tidak mengizinkannya. Periksa statusnya."),
    "account-gone": Sentence("Akun sudah dihapus", "Orang ini meminta datanya dihapus."),
    "link-code-refused": Sentence("Kode tidak cocok", "Kode salah atau kedaluwarsa. Minta kode baru kepada pengurus."),
    "linked-already": Sentence("Sudah terhubung", "Keanggotaan ini sudah dihubungkan dengan akun."),
    "principal-exceeded": Sentence(
        "Lebih dari simpanan pokok", "Simpanan pokok sama untuk semua; setorkan sisanya saja."
    ),
    "too-little-saved": Sentence("Simpanan tidak cukup", "Kurangi jumlahnya, atau bayar dengan cara lain."),
    "too-little-cash": Sentence("Kas tidak cukup", "Uang kas koperasi kurang dari jumlah itu."),
    "decided-already": Sentence("Sudah diputuskan", "Pengurus lain sudah memutuskannya."),
    "allocation-not-whole": Sentence("Belum 100 persen", "Jumlah semua bagian harus tepat 100 persen."),
    "invited-too-late": Sentence(
        "Undangan terlalu dekat", "Anggaran dasar meminta undangan lebih awal. Pilih hari yang lain."
    ),
    "no-quorum": Sentence("Belum kuorum", "Tambah yang hadir, atau tunda rapat."),
    "meeting-not-begun": Sentence("Rapat belum mulai", "Tunggu sampai waktu yang tertulis pada undangan."),
    "wrong-meeting-state": Sentence("Belum atau tidak bisa lagi", "Keadaan rapat sudah berubah; lihat di bawah ini."),
    "not-online": Sentence("Rapat tatap muka", "Kehadiran dicatat oleh pengurus di tempat."),
    "not-present": Sentence("Belum tercatat hadir", "Hanya yang hadir yang memberikan suara."),
    "voted-already": Sentence("Sudah memberikan suara", "Satu anggota satu suara."),
    "votes-themselves": Sentence("Anggota ini punya akun", "Ia memberikan suara sendiri."),
    "signed-already": Sentence("Sudah ditandatangani", "Tanda tangan Anda sudah tercatat."),
    "minutes-differ": Sentence("Berita acara berubah", "Baca berita acara yang terbaru, lalu tanda tangani lagi."),
    "year-not-over": Sentence(
        "Tahun buku belum berakhir", "SHU dibagikan setelah tahun buku ditutup; hitungan coba tetap boleh."
    ),
    "not-decided-by-the-meeting": Sentence("Belum diputuskan rapat", "Pembagian harus sama dengan yang disetujui RAT."),
    "divided-already": Sentence("Sudah dibagikan", "SHU tahun ini sudah dibagikan."),
    "nothing-to-pay-out": Sentence("Tidak ada yang dipindahkan", "Bagian SHU Anda sudah masuk simpanan."),
    "no-lender-fits": Sentence("Belum ada yang cocok", "Ubah jumlah, jangka waktu, atau izin membaca data."),
    "consent-ended": Sentence("Izin sudah berakhir", "Data tidak boleh dibaca atau dipakai lagi."),
    "consent-too-long": Sentence("Izin terlalu lama", "Pilih tanggal berakhir yang lebih dekat."),
    "application-closed": Sentence("Permohonan sudah ditutup", "Sudah dipilih, ditarik, atau lewat waktu."),
    "declined-already": Sentence("Sudah Anda tolak", "Permohonan ini tidak menunggu Anda lagi."),
    "outside-the-product": Sentence("Di luar ketentuan produk", "Sesuaikan jumlah, jangka waktu, dan tanggal berlaku."),
    "offer-stands": Sentence("Penawaran Anda masih berlaku", "Tarik dulu yang lama."),
    "offer-ended": Sentence("Penawaran sudah berakhir", "Lihat penawaran lain di bawah ini."),
    "terms-differ": Sentence("Syarat berubah", "Baca lagi penawaran sebelum menerimanya."),
    "loan-not-agreed": Sentence("Sudah dicairkan", "Pinjaman ini sudah dicairkan."),
    "loan-not-running": Sentence("Belum berjalan", "Pinjaman belum dicairkan, atau sudah lunas."),
    "reference-taken": Sentence("Nomor rujukan sudah dipakai", "Pembayaran dengan rujukan itu sudah dihitung."),
    "more-than-is-owed": Sentence("Lebih dari sisa pinjaman", "Periksa sisa pinjaman di bawah ini."),
    "date-out-of-range": Sentence("Tanggal tidak cocok", "Antara hari persetujuan dan hari ini."),
    "beyond-the-log": Sentence("Posisi belum ada", "Pilih posisi yang sudah pernah dikirim."),
    "enrolled-already": Sentence("Sudah terdaftar", "Lihat pelatihan saya."),
    "training-over": Sentence("Pelatihan sudah lewat", "Pilih pelatihan yang lain."),
    "enrolment-closed": Sentence("Tidak bisa dibatalkan lagi", "Pelatihan ini sudah selesai untuk Anda."),
    "name-not-writable": Sentence("Nama tidak dapat ditulis", "Tulis nama dengan huruf Latin, seperti pada KTP."),
    "name-erased": Sentence("Nama sudah dihapus", "Sertifikat ini tidak dapat dicetak lagi."),
    "region-not-found": Sentence("Wilayah tidak dikenal", "Pilih provinsi, kabupaten, atau kota dari daftar."),
}
