# hiji's texts in English. Keys are grouped by part; each also stands in id.ftl.

## Frame
skip-to-content = Skip to content
dev-mode = Development mode
connection-lost = Connection lost, trying again…
close = Close
cancel = Cancel
save = Save
optional = optional
copy = Copy
copied = Copied
print = Print
language = Language
theme = Theme
theme-auto = As the device
theme-light = Light
theme-dark = Dark
log-out = Log out
to-start = To the start page
first-page = First
next-page = Next
rows-shown = { $count ->
    [one] 1 row
   *[other] { $count } rows
}
progress-of = { $applied } of { $wanted }
progress-failed = { $count } failed

## Menu
nav-main = Main menu
nav-menu = Menu
nav-more = More
nav-dashboard = Dashboard
nav-vouchers = Vouchers
nav-sessions = Sessions
nav-routers = Routers
nav-sites = Sites
nav-packages = Packages
nav-admins = Admins
nav-jobs = Jobs
nav-audit = Audit log
nav-group-network = Network
nav-group-settings = Settings

## Roles
role-super-admin = Super Admin
role-admin = Admin
role-operator = Operator
role-cashier = Cashier
role-viewer = Viewer

## Durations
duration-days = { $count ->
    [one] 1 day
   *[other] { $count } days
}
duration-hours = { $count ->
    [one] 1 hour
   *[other] { $count } hours
}
duration-minutes = { $count ->
    [one] 1 minute
   *[other] { $count } minutes
}
duration-seconds = { $count ->
    [one] 1 second
   *[other] { $count } seconds
}

## Refused fields
form-has-errors = Check the marked fields.
error-required = This is needed.
error-too-long = Too long: at most { $max } characters.
error-control-characters = Has characters that cannot be printed.
error-not-a-number = Give a whole number, for example 120.
error-out-of-range = Give a number from { $min } to { $max }.
error-not-offered = Choose one of the list.
error-wrong-type = The value is of the wrong type.
error-unknown-field = There is no such field.
error-malformed-json = The body is not valid JSON.
error-bad-cursor = This page marker is no longer valid. Start from the first page.
error-bad-key = At most 255 printable ASCII characters without spaces.
error-idempotency-key-reused = This Idempotency-Key was used for another request.
error-idempotency-key-in-use = A request with this Idempotency-Key is still being worked on. Try again in a moment.
error-reference = Reference:

## Error pages
fault-not-found-title = Not found
fault-not-found = There is no such page or record.
fault-method-not-allowed-title = Wrong method
fault-method-not-allowed = This address does not take that kind of request.
fault-forbidden-title = Not allowed
fault-forbidden = Your role does not allow this. Ask an Admin.
fault-cross-site-title = Request refused
fault-cross-site = This request came from another site. Open the page in hiji and try again.
fault-unauthorized-title = Not signed in
fault-unauthorized = Sign in first: there is no session, or it has ended.
fault-invalid-title = Not accepted
fault-invalid = Some fields are wrong.
fault-conflict-title = Not possible now
fault-too-many-title = Too often
fault-too-many = Too many attempts. Try again in { $seconds ->
    [one] 1 second.
   *[other] { $seconds } seconds.
}
fault-too-large-title = Too large
fault-too-large = What was sent is too large.
fault-malformed-title = Request not understood
fault-malformed = This request cannot be read.
fault-unsupported-title = Unknown kind of data
fault-unsupported = The kind of data is not known. For the API, send Content-Type: application/json.
fault-timeout-title = Took too long
fault-timeout = The server did not answer in time. Try again in a moment.
fault-unavailable-title = Not available
fault-unavailable = The server cannot serve this now. Try again in a moment.
fault-internal-title = Server error
fault-internal = Something went wrong in the server and was logged. There is nothing for you to mend; try again later.

## Login and account
login-title = Log in
log-in = Log in
username = User name
password = Password
error-bad-credentials = User name or password is wrong.
error-login-throttled = Too many attempts to log in. Try again in { $seconds ->
    [one] 1 second.
   *[other] { $seconds } seconds.
}
done-logged-out = You are logged out.

## Refused fields: sites, routers, admins, settings
error-taken = Already in use. Choose another.
error-bad-name = Enter 1 to { $max } characters.
error-bad-zone = Not a known time zone. Example: Asia/Jakarta.
error-nothing-to-approve = No agent is waiting for approval.
error-bad-token = The enrolment token is unknown, used or expired. Make a new one on the router's page.
error-bad-enrolment = The agent's enrolment request is incomplete or wrong.
error-job-not-parked = There is no such job, or it is not parked.
error-company-name = Enter 1 to 80 characters.
error-marker = Enter 1 to 32 letters, digits, underscores or dashes.
error-marker-same = Must differ from the voucher marker.
error-bad-username = Enter 1 to 60 lower-case letters, digits, dots, underscores, dashes or @.
error-bad-display-name = At most 60 characters.
error-bad-password = Enter 8 to 200 characters.
error-last-super-admin = One active Super Admin without a limit to sites must stay.
error-wrong-password = The old password is wrong.
error-password-differs = The two passwords differ.

## Words that many pages use
name = Name
site = Site
sites = Sites
all-sites = All sites
router = Router
all-routers = All routers
service = Service
all-services = All services
state = State
active = Active
inactive = Inactive
disabled = Disabled
search = Search
show = Show
show-all = Show all
package = Package
price = Price
code = Code
profile = Profile
comment = Comment
kind = Kind
reason = Reason
rows = Rows
progress = Progress
details = Details
version = Version
user = User
since = Since
at = Time
you = you
last-seen = Last seen
nothing-found = Nothing matches
nothing-found-text = Change the search or the filter.
done-saved = Saved.

## Dashboard
active-hotspot = Hotspot active
active-pppoe = PPPoE active
activated-today = Vouchers used today
revenue-today = Revenue today
profit-today = Profit today
routers-online = Routers online
last-activations = Recently used vouchers
activations-empty = No voucher was used yet
activations-empty-text = A voucher shows here as soon as a guest logs in with it.
since-when = since { $at }
setup-steps = Start here
step-site = Add a site
step-router = Add a router
step-agent = Enrol the router's agent
step-package = Make a package
step-vouchers = Make vouchers

## Sites
sites-sub = Places with routers, each with its own time zone.
sites-empty = No sites yet
sites-empty-text = A site is a place with one or more routers, for example Kebon.
site-add = Add a site
site-change = Change site
timezone = Time zone
timezone-hint = Days and hours of this site's figures follow this zone.
wifi-name = WiFi name
wifi-name-hint = As guests see it. Empty: the site's name.
address = Address
choose-site = Choose a site
done-site-added = Site { $name } added.

## Routers
routers-sub = MikroTik routers and the agents that speak for them.
routers-empty = No routers yet
routers-empty-text = Add a router, then enrol its agent with a script you paste once.
routers-need-site = Add a site first
router-add = Add a router
router-name-hint = The name you use every day, for example Kebon.
router-tabs = Parts of the router
router-new-text = This router has no agent yet. An admin can enrol one.
router-down-text = The agent is connected, but the router does not answer it: { $error }
router-offline-text = The agent is not connected. Vouchers on the router keep running and expire on time; new ones wait until the router is online.
done-router-added = Router added. Now enrol its agent.
done-router-approved = Agent approved. The router is online as soon as the agent connects, usually within a minute.
done-router-sync = Synchronisation requested.
presence-new = Not enrolled
presence-waiting = Waiting for approval
presence-online = Online
presence-router-down = Router not answering
presence-offline = Offline
sync = Synchronisation
sync-in-sync = In sync
sync-pending = On its way
sync-failed = Some failed
sync-nothing = Nothing has been asked of this router yet.
sync-failures = Refused by the router
synchronise = Synchronise
desired-rev = Desired revision
observed-rev = Revision at the agent
mirror = Copy of the router's data
mirror-empty = The router's data has not been read yet. That happens by itself once its agent is online.
mirror-stale = being read again
read-at = Read
kind-hs-user = Hotspot users
kind-ppp-secret = PPPoE secrets
kind-hs-profile = Hotspot profiles
kind-ppp-profile = PPPoE profiles
facts = Router facts
fingerprint-identity = Identity
fingerprint-board = Board
fingerprint-serial = Serial number
fingerprint-router-version = RouterOS
fingerprint-ip = IP address
uptime = Uptime
memory-free = Free memory
disk-free = Free storage
clock = Clock
clock-right = right
clock-off = off
clock-skew-text = The router's clock is { $seconds } off from the agent's. Turn on NTP on the router (/system/ntp/client) so that vouchers end on time.
hotspot-servers = Hotspot servers
hotspot-hosts = Hotspot devices
hotspot-cookies = Hotspot cookies
agent = Agent
agent-id = Agent number
agent-alert = The agent reports: { $alert }
agent-waits = An agent waits for approval
agent-waits-text = Compare this with your router. Once approved, the agent may read and manage this router.
approve = Approve
approved-at = Approved
enrolled-at = Enrolled
enrol = Enrol an agent
enrol-again = Replace the agent
enrol-text = Make a one-time token, then paste the script into the router's terminal, or run the agent on a small computer beside the router.
enrol-again-text = For a new agent of this router. The present one is replaced when the new one is approved.
enrol-on-router = On the router (RouterOS 7 with container)
enrol-on-router-text = Open the router's terminal in WinBox or SSH and paste all of it.
enrol-on-linux = On a Linux computer beside the router
enrol-on-linux-text = Fill in the router's password, keep it as an environment file, then start hiji-agent run.
enrol-loopback = Only the computer hiji runs on knows the address below (127.0.0.1). Set HIJI_PUBLIC_URL to an address the router can reach, restart hiji, then make a token again.
enrol-then = Once the agent runs, this router waits for your approval.
enrol-then-auto = Once the agent runs, this router comes online by itself.
auto-approve = Approve the agent automatically
auto-approve-hint = Whoever holds the token becomes this router's agent. Only if you paste the token yourself at once.
make-token = Make a token
token = Token
token-once = This token is shown once, is good until { $until } and for one agent. Earlier tokens are void.
to-router = To the router
tab-overview = Overview
tab-users = Users
tab-profiles = Profiles
tab-commands = Commands
search-users = Search name or comment
search-profiles = Search profile name
users-empty = No users yet
profiles-empty = No profiles yet
rate-limit = Rate limit
shared-users = Devices at once
mark = Mark
limit-uptime = Online time
command = Command
commands-empty = No commands yet
commands-empty-text = What hiji asks of this router is listed here.
requested-by = Asked by
requested-at = Asked
finished-at = Finished
op-desired-put = Send what is wanted
op-desired-retry = Try again what failed
op-session-kick = End a session
op-sync-snapshot = Read everything again
op-agent-ping = Check the agent
command-requested = Requested
command-delivered = Delivered
command-verified = Verified
command-failed = Failed
command-expired = Expired

## Sessions
sessions-sub = Who is online now.
sessions-open = Open ones
sessions-all = Open and closed
sessions-empty = No sessions
sessions-empty-text = Hotspot and PPPoE users show here as soon as they are online.
search-sessions = Search name, IP address or MAC
session-open = Open
session-closed = Closed
address-mac = IP and MAC
lasted = Lasted
traffic = Traffic
download = Download
upload = Upload

## Settings
nav-general = General
settings-sub = For all sites.
company-name = Company name
company-name-hint = Shown on every page.
currency = Currency
voucher-marker = Voucher marker
voucher-marker-hint = Begins the comments of hiji's hotspot users on routers. Vouchers made before keep the old one.
pppoe-marker = PPPoE marker
pppoe-marker-hint = Begins the comments of hiji's PPPoE profiles and secrets.

## Admins and account
admins-sub = Who may log in, their roles and the sites they see.
admin-add = Add an admin
admin-change = Change admin
role = Role
role-super-admin-hint = Everything, also other admins.
role-admin-hint = Runs the business, without managing other admins.
role-operator-hint = Sells vouchers and sees sessions, without purchase prices.
role-cashier-hint = Sells one by one at the counter, prints, and looks codes up. Nothing else.
role-viewer-hint = Looks on and changes nothing.
grants = Extra permissions
grants-hint = Beyond the role. They count at once, also for those who are logged in.
grant-costs-see = See costs and profit
grant-vouchers-manage = Manage vouchers: block, extend, new code
grant-vouchers-void = Void vouchers
grant-vouchers-import = Import codes
grant-sessions-kick = End sessions
username-hint = Lower-case letters and digits, for example rina.
display-name = Full name
admin-sites-hint = None chosen: all sites, also later ones.
password-hint = At least 8 characters.
password-keep-hint = Empty: the password stays. A new password ends all sessions of this admin.
admin-active = May log in
admin-active-hint = When turned off, all sessions end.
created-at = Created
done-admin-added = Admin { $name } added.
account = My account
own-sessions = Signed-in devices
device = Device
address-ip = IP address
signed-in-at = Signed in
this-device = this device
end-session = Sign out
change-password = Change password
old-password = Old password
new-password = New password
password-again = Repeat the password
done-password-changed = Password changed. Other devices were signed out.
done-session-ended = The device was signed out.
setup-title = First admin
setup-text = Make the Super Admin's account. After that this link is void.
setup-finish = Make the account and log in

## Audit log and jobs
audit-sub = Who did what. It cannot be changed or deleted.
audit-empty = No entries yet
search-audit = Search person, action or object
what = Action
who = Who
object = Object
deed-login = Login
deed-login-failed = Failed login
deed-session-end = Logout
deed-site-add = Site added
deed-site-change = Site changed
deed-router-add = Router added
deed-router-enrollment = Agent token made
deed-router-approve = Agent approved
deed-router-command = Command to a router
deed-agent-enroll = Agent enrolled
deed-admin-add = Admin added
deed-admin-change = Admin changed
deed-admin-password = Password changed
deed-settings-change = Settings changed
deed-job-retry = Job retried
deed-package-add = Package added
deed-package-change = Package changed
deed-voucher-batch-add = Vouchers made
jobs-sub = Work behind the pages.
jobs-only = Only: { $state }.
jobs-empty = No jobs
job = Job
job-kind-agent-grant = Give an agent access to the broker
job-kind-agent-revoke = Take an agent's access to the broker
job-kind-jobs-purge = Delete old records
job-queued = Queued
job-running = Running
job-done = Done
job-parked = Parked
attempts = Attempts
run-at = Time
outcome = Outcome
retry = Retry
done-job-retried = The job will be tried again.

## Refused fields: packages and vouchers
error-no-such-router = There is no such router, or it is not at one of your sites.
error-no-such-package = There is no such package, or it is not sold at your sites.
error-package-not-hotspot = Vouchers are made of hotspot packages only.
error-package-not-sold-here = This package is not sold on that router. Add the router to the package, or choose another.
error-prefix-characters = Letters A–Z, digits and hyphens only, no spaces.
error-too-few-codes = Codes this short are easy to guess for so many vouchers. Use a length of { $min } or more.
error-in-the-past = This is over already. Choose a date to come.
error-not-a-date = This is not a date. Example: 2026-12-31.
error-currency = The currency must be that of the package's price.
error-rate-limit = Write it as RouterOS does, for example 2M/4M (upload/download).
error-too-many-chosen = Too many are chosen.
error-profile-foreign = Router { $router } has a profile of this name that hiji did not make. Use it without making it, or choose another name.
error-not-allowed = Your role may not set this.

## Packages
packages-sub = What is sold: price, speed and validity
package-add = Add a package
package-change = Change the package
package-search = Search by name
package-search-do = Search
package-none-found = No package of that name
packages-empty = No packages yet
packages-empty-text = A package says what vouchers cost, how fast they are and how long they last.
package-name = Name of the package
package-service = Service
service-hotspot = Hotspot
service-pppoe = PPPoE
package-speed = Speed
package-speed-hint = Upload/download as in RouterOS. Empty is no limit.
package-no-limit = No limit
package-validity = Validity
package-routers = Sold on routers
package-routers-hint = Vouchers of this package can be made for the chosen routers only.
package-no-routers = There is no router yet. Add one first, then choose it here.
package-sold-nowhere = Not sold yet
package-price = Price
package-cost = Cost
package-cost-hint = Empty is 0.
package-cost-of = cost { $cost }
package-shared-users = Devices at once
package-shared-users-hint = 0 is no limit.
package-online = Online time
package-online-hint = Time online in all. Empty is no limit.
package-online-of = { $span } online
package-active = Active for
package-active-hint = From the first login. Empty is no limit.
package-active-of = active { $span }
package-sell = Activate before
package-sell-hint = From when the voucher is made. Empty is no limit.
package-sell-of = activate within { $span }
package-on-expiry = When the validity is over
on-expiry-usual = Remove vouchers, isolate PPPoE
on-expiry-isolate = Isolate
on-expiry-disable = Disable
on-expiry-remove = Remove
package-cycle = Billing cycle
package-cycle-hint = For PPPoE subscriptions.
cycle-monthly = Every month, on a fixed day
cycle-anniversary = Every month, from the day it began
cycle-days-30 = Every 30 days
package-grace-days = Days of grace
package-profile = profile
package-profile-name = Profile on the router
package-profile-hint = Empty is the name of the package.
package-create-profile = hiji makes the profile where the router has none
package-create-profile-hint = A profile that is there is used as it is and not changed.
package-of-profile = Make a package
profiles-found = Profiles on routers that are no package yet
profile-marked = marked by hiji
unit-of = Unit of { $field }
unit-minutes = minutes
unit-hours = hours
unit-days = days
done-package-saved = Package { $name } is saved.

## Vouchers
vouchers-sub = All batches; codes can be sold once they are proven on the router
voucher-search = Search vouchers
voucher-search-hint = Code of a voucher, or its beginning
voucher-search-do = Search
voucher-none-found = No voucher fits
voucher-none-found-text = Check the code, or clear the filters.
voucher-any-status = Any status
voucher-any-router = Any router
voucher-code = Code
voucher-password = Password
voucher-status = Status
voucher-router = Router
voucher-draft = New
voucher-ready = Ready
voucher-active = Active
voucher-expired = Expired
voucher-used-up = Used up
voucher-blocked = Blocked
voucher-void = Void
voucher-failed = Failed
voucher-first-login = First login
voucher-valid-until = Valid until
voucher-left = { $span } left
voucher-ended = Ended
voucher-uptime = Time online
voucher-traffic = Traffic
voucher-traffic-of = { $up } up, { $down } down
voucher-device = Device (MAC)
voucher-address = IP address
voucher-estimated = The router's clock was doubtful at the first login; the time is the best guess.
ended-expired = active time is over
ended-used-up = online time is used up
ended-not-activated = not activated in time
batch = Batch
batch-add = Make vouchers
batch-add-sub = The codes go to the router at once
batch-make = Make
batch-search = Search number or note
batch-none-found = No batch fits
batches-empty = No vouchers yet
batches-empty-text = Make the first batch; its codes appear on the router at once.
batch-no-router = No router yet
batch-no-router-text = Vouchers are made for a router. An Admin adds it on the page Routers.
batch-no-package = No hotspot package yet
batch-no-package-text = Add a package and choose the routers it is sold on.
choose-router = Choose a router
choose-package = Choose a package
batch-count = How many
batch-count-hint = 1 to { $max }
batch-mode = Mode
batch-mode-same = Code only
batch-mode-separate = Code and password
batch-prefix = Prefix
batch-prefix-hint = At most 8 letters, digits or hyphens.
batch-length = Length
batch-length-hint = Random characters after the prefix, 4 to 12.
batch-charset = Characters
charset-upper-digits = A–Z 2–9 without 0 O 1 I L
charset-digits = 0–9
charset-upper = A–Z without I L O
charset-lower = a–z without i l o
charset-mixed = A–Z a–z 2–9 without those that look alike
batch-activate-before = Activate before
batch-activate-before-hint = Empty is as the package says.
batch-price-hint = Empty is as the package says.
batch-server = Hotspot server
batch-server-hint = Empty is all servers of the router.
batch-mac-lock = Lock to MAC
batch-mac-lock-hint = Only for the device that logs in first.
batch-note = Note
batch-on-router = On the router
batch-pending = On its way
batch-ready = Ready to sell
batch-partial = Some failed
batch-waits = { $applied }/{ $wanted } on the router, waiting for { $router } to come online
batch-failures = Refused by the router
batch-details = Details
batch-made = Made
yes = Yes
no = No
done-batch-made = Batch { $number } is made and on its way to the router.
preview = Summary
preview-choose = Choose a package to see the totals.
preview-count = How many
preview-cost = Total cost
preview-price = Total price
preview-profit = Profit
preview-codes = Sample codes
failure-name-taken = The router has this name already, and no other code was free.
failure-missing-reference = Profile { $profile } or its server is not on the router.
failure-bad-value = The router refuses one of the values.
failure-permission = The router's API user may not write.
failure-full = The router's storage is full.
failure-unsupported = This version of the router does not know it.
failure-mismatch = Written, but what is read back differs.
failure-other = The router refused it.

# Uploaded lists
error-bad-phone = This is no phone number. Example: 0812-3456-7890.
error-several-phones = Give only one number in this field.
error-phone-needs-plus = This is no Indonesian number. Foreign numbers begin with +, for example +60 12 345 6789.
error-file-empty = This file has no lines.
error-file-too-many-rows = Too many lines, at most { $max } in one file.
error-file-too-many-columns = Too many columns, at most { $max }.
error-file-cell-too-long = A cell is too long, at most { $max } characters.
error-file-not-a-list = This file is no list. Use CSV or XLSX.
error-file-bad-workbook = This Excel file is damaged or has a password. Save it again as XLSX or CSV.
error-file-unpacked-too-large = This file holds too much. Cut it into several files.
## Print
back = Back
print-format-a4-120 = A4 120 (3×40)
print-format-a4-36-qr = A4 36 with QR
print-format-a4-30-qr = A4 30 with QR
print-format-thermal-58 = Thermal 58 mm
print-format-thermal-80 = Thermal 80 mm
print-active = valid { $span }
print-sell-by = activate by { $date }
print-quota = quota { $quota }
print-password = Password
print-count = { $count ->
    [one] { $count } voucher
   *[other] { $count } vouchers
}
print-times = printed { $count }×
print-scale-hint = Print at actual size (scale 100%), margins “Default”, without headers and footers.
print-unproven-note = This print has vouchers that are not proven on the router. Do not sell them before the batch is ready to sell.
print-no-login-host = Without QR codes: the router has reported no DNS name or address of its hotspot. Set dns-name in the hotspot server profile, then print again.
print-waiting = Preparing the print…
print-waiting-batch = The batch is being made. This tab turns into the print by itself. If the other tab marks wrong fields, correct them there and close this tab.
print-waiting-router = The vouchers are being put on { $router } and checked. This tab turns into the print as soon as all are ready to sell.
print-waiting-why = A voucher that is not proven on the router may not work for its buyer yet.
print-insist = Print the unproven ones too
print-to-batch = See the batch
print-of = Print { $number }
print-chosen = { $count ->
    [one] Print { $count } chosen voucher
   *[other] Print { $count } chosen vouchers
}
print-paper = Paper
print-which = Vouchers to print
print-which-hint = Used up, expired, blocked and void vouchers are left out.
print-what-all = All that can still be used
print-what-unsold = Only unsold ones
print-what-range = Certain numbers
print-what-chosen = Chosen
print-from = From number
print-to = To number
print-layout = Layout
print-layout-default = The site's default
print-reason = Reason for the reprint
print-reason-hint = For example: paper jam, slip lost. It is kept with your name.
print-again-note = Printed { $count }×, last by { $by } { $at }. A reprint needs a reason.
print-history = Prints so far
print-never = Never printed.
print-because = reason: { $reason }
print-unproven = unproven
error-nothing-to-print = There is no voucher here that can still be sold.
error-batch-not-ready = The batch is not ready to sell: the router has not proven all of its vouchers. Wait, or choose “print the unproven ones too”.
error-reason-needed = It was printed before. Give the reason for the reprint.
error-too-many-vouchers = Too many vouchers at once.
error-range-backwards = The last number must be the first or a later one.
error-not-a-colour = Give a colour such as #0f766e.
error-too-many-lines = At most { $max } lines.
error-unknown-placeholder = {"{"}{ $name }{"}"} is not known. Choose from the list below the field.
batch-make-and-print = Create and print
batch-make-only = Create only
print-last = printed { $count }×, last by { $by }
