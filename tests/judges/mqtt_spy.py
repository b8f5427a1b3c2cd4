"""Agent A tries, with Eclipse Paho, whatever it could do to agent B. Prints what it got as JSON.

Arguments: host port version(3|5) A's-user A's-password B's-user
While it runs, the test sends messages to B; none of them may be seen here, and nothing sent here may reach anybody.
"""

import json
import socket
import sys
import time

import paho.mqtt.client as mqtt

HOST, PORT, VERSION, A, PASSWORD, B = sys.argv[1:7]
PROTOCOL = mqtt.MQTTv5 if VERSION == "5" else mqtt.MQTTv311
DOWN, UP = f"hiji/v1/a/{B}/dn", f"hiji/v1/a/{B}/up"
FILTERS = [
    f"{DOWN}/#", f"{DOWN}/cmd", f"{UP}/#", f"{UP}/presence", "hiji/v1/a/+/dn/#", "hiji/v1/a/+/+/+", "hiji/v1/a/#",
    "hiji/v1/#", "hiji/#", "hiji/+/+/+/dn/#", "#", "+/#", "+/+/+/+/+/+", f"$share/g/{DOWN}/#", "$share/g/#", "$SYS/#",
    f"hiji/v1/a/{A}/dn/../../{B}/dn/#", f"hiji/v1/a/{A}", "/#", f"hiji/v1/a/{A}/+/#",
]
TOPICS = [f"{UP}/ev", f"{UP}/presence", f"{UP}/hello", f"{DOWN}/cmd", f"{DOWN}/ack", "hiji/v1/ev/1/voucher/activated",
          "hiji/v1/st/1/router/1", "gate/x", f"hiji/v1/a/{A}/dn/cmd"]
seen, refused_connects = [], 0


def client(client_id, password=PASSWORD, will=None):
    made = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=client_id, protocol=PROTOCOL)
    made.username_pw_set(A, password)
    made.on_message = lambda _c, _u, message: seen.append([message.topic, message.payload.decode(errors="replace")])
    made.state = None

    def connected(_client, _userdata, _flags, reason, _properties):
        made.state = not reason.is_failure

    made.on_connect = connected
    if will:
        made.will_set(will, "forged will", qos=1, retain=True)
    try:
        made.connect(HOST, int(PORT), keepalive=20)
    except (OSError, mqtt.WebsocketConnectionError):
        made.state = False
        return made
    made.loop_start()
    end = time.time() + 5
    while made.state is None and time.time() < end and made.is_connected() is not None:
        time.sleep(0.01)
    return made


def close(made):
    made.disconnect()
    made.loop_stop()


# Its own things work.
own = client(A)
assert own.state, "A cannot log in"
assert own.publish(f"hiji/v1/a/{A}/up/log", "A's own", qos=1).wait_for_publish(5) is None

# It listens everywhere, with its own and with B's client id, one filter a connection at first, then all at once.
close(own)
for client_id in [A, B]:
    for filters in [[f] for f in FILTERS[:4]] + [FILTERS]:
        spy = client(client_id)
        if not spy.state:
            refused_connects += 1
            spy.loop_stop()
            continue
        for some in filters:
            try:
                spy.subscribe(some, qos=1)
            except ValueError:
                pass  # paho itself refuses it
        time.sleep(0.25)
        close(spy)

# It publishes everywhere.
forger = client(A)
for topic in TOPICS:
    for retain in [False, True]:
        forger.publish(topic, "forged", qos=1, retain=retain)
time.sleep(0.4)
close(forger)

# It leaves wills in B's name and dies.
for topic in [f"{UP}/presence", f"{DOWN}/cmd"]:
    liar = client(A, will=topic)
    if liar.state:
        sock = liar.socket()
        if sock:
            sock.shutdown(socket.SHUT_RDWR)
    else:
        refused_connects += 1
    liar.loop_stop()

# It does not know B's password.
thief = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=B, protocol=PROTOCOL)
thief.username_pw_set(B, PASSWORD)
accepted = []
thief.on_connect = lambda _c, _u, _f, reason, _p: accepted.append(not reason.is_failure)
try:
    thief.connect(HOST, int(PORT))
    thief.loop_start()
    time.sleep(0.3)
    thief.loop_stop()
except OSError:
    pass

print(json.dumps({"seen": seen, "refused_connects": refused_connects, "logged_in_as_b": any(accepted)}))
