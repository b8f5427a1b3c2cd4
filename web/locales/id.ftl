# Teks hiji dalam bahasa Indonesia. Kunci dikelompokkan per bagian; setiap kunci juga ada di en.ftl.

## Kerangka
skip-to-content = Langsung ke isi
dev-mode = Mode pengembangan
connection-lost = Sambungan terputus, mencoba lagi…
close = Tutup
cancel = Batal
save = Simpan
optional = opsional
copy = Salin
copied = Tersalin
print = Cetak
language = Bahasa
theme = Tampilan
theme-auto = Ikuti perangkat
theme-light = Terang
theme-dark = Gelap
log-out = Keluar
to-start = Ke halaman awal
first-page = Awal
next-page = Berikutnya
rows-shown = { $count } baris
progress-of = { $applied } dari { $wanted }
progress-failed = { $count } gagal

## Menu
nav-main = Menu utama
nav-menu = Menu
nav-more = Lainnya
nav-dashboard = Dasbor
nav-vouchers = Voucher
nav-sessions = Sesi
nav-routers = Router
nav-sites = Situs
nav-packages = Paket
nav-admins = Admin
nav-jobs = Pekerjaan
nav-audit = Jejak audit
nav-group-network = Jaringan
nav-group-settings = Pengaturan

## Peran
role-super-admin = Super Admin
role-admin = Admin
role-operator = Operator

## Durasi
duration-days = { $count } hari
duration-hours = { $count } jam
duration-minutes = { $count } menit
duration-seconds = { $count } detik

## Isian yang ditolak
form-has-errors = Periksa lagi isian yang ditandai.
error-required = Wajib diisi.
error-too-long = Terlalu panjang, paling banyak { $max } karakter.
error-control-characters = Berisi karakter yang tidak dapat dicetak.
error-not-a-number = Isi dengan angka bulat, misalnya 120.
error-out-of-range = Isi antara { $min } dan { $max }.
error-not-offered = Pilih salah satu dari daftar.
error-wrong-type = Jenis nilainya salah.
error-unknown-field = Kolom ini tidak dikenal.
error-malformed-json = Isi permintaan bukan JSON yang benar.
error-bad-cursor = Penanda halaman ini tidak berlaku lagi. Mulai dari halaman pertama.
error-bad-key = Paling banyak 255 karakter ASCII yang dapat dicetak, tanpa spasi.
error-idempotency-key-reused = Idempotency-Key ini sudah dipakai untuk permintaan lain.
error-idempotency-key-in-use = Permintaan dengan Idempotency-Key ini masih dikerjakan. Coba lagi sebentar.
error-reference = Kode kejadian:

## Halaman kesalahan
fault-not-found-title = Tidak ditemukan
fault-not-found = Halaman atau data ini tidak ada.
fault-method-not-allowed-title = Cara akses salah
fault-method-not-allowed = Alamat ini tidak menerima cara permintaan tersebut.
fault-forbidden-title = Tidak diizinkan
fault-forbidden = Peran Anda tidak mengizinkan tindakan ini. Mintalah kepada Admin.
fault-cross-site-title = Permintaan ditolak
fault-cross-site = Permintaan ini datang dari situs lain. Buka halamannya di hiji lalu ulangi.
fault-unauthorized-title = Belum masuk
fault-unauthorized = Masuk dulu: sesi tidak ada atau sudah berakhir.
fault-invalid-title = Isian ditolak
fault-invalid = Ada isian yang salah.
fault-conflict-title = Tidak dapat dilakukan sekarang
fault-too-many-title = Terlalu sering
fault-too-many = Terlalu banyak percobaan. Coba lagi dalam { $seconds } detik.
fault-too-large-title = Terlalu besar
fault-too-large = Data yang dikirim terlalu besar.
fault-malformed-title = Permintaan tidak terbaca
fault-malformed = Permintaan ini tidak dapat dibaca.
fault-unsupported-title = Jenis data tidak dikenal
fault-unsupported = Jenis data yang dikirim tidak dikenal. Untuk API, kirim Content-Type: application/json.
fault-timeout-title = Terlalu lama
fault-timeout = Server tidak sempat menjawab. Coba lagi sebentar.
fault-unavailable-title = Belum dapat dilayani
fault-unavailable = Server sedang tidak dapat melayani. Coba lagi sebentar.
fault-internal-title = Kesalahan di server
fault-internal = Terjadi kesalahan di server dan sudah dicatat. Tidak ada yang perlu Anda perbaiki; coba lagi nanti.

## Masuk dan akun
login-title = Masuk
log-in = Masuk
username = Nama pengguna
password = Kata sandi
error-bad-credentials = Nama pengguna atau kata sandi salah.
error-login-throttled = Terlalu banyak percobaan masuk. Coba lagi dalam { $seconds } detik.
done-logged-out = Anda sudah keluar.

## Isian yang ditolak: situs, router, admin, pengaturan
error-taken = Sudah dipakai. Pilih yang lain.
error-bad-name = Isi 1 sampai { $max } karakter.
error-bad-zone = Bukan zona waktu yang dikenal. Contoh: Asia/Jakarta.
error-nothing-to-approve = Tidak ada agen yang menunggu persetujuan.
error-bad-token = Token pendaftaran tidak dikenal, sudah dipakai, atau sudah lewat waktunya. Buat token baru di halaman router.
error-bad-enrolment = Permintaan pendaftaran agen tidak lengkap atau tidak benar.
error-job-not-parked = Pekerjaan ini tidak ada atau tidak sedang diparkir.
error-company-name = Isi 1 sampai 80 karakter.
error-marker = Isi 1 sampai 32 huruf, angka, garis bawah, atau tanda hubung.
error-marker-same = Harus berbeda dari penanda voucher.
error-bad-username = Isi 1 sampai 60 huruf kecil, angka, titik, garis bawah, tanda hubung, atau @.
error-bad-display-name = Paling banyak 60 karakter.
error-bad-password = Isi 8 sampai 200 karakter.
error-last-super-admin = Harus tetap ada satu Super Admin aktif tanpa batasan situs.
error-wrong-password = Kata sandi lama salah.
error-password-differs = Kedua kata sandi tidak sama.
