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
