# shellcheck shell=bash
needs_python keystonemiddleware.audit oslo_messaging oslo_log webob

server
mkdir "$WORK/glance"
for file in glance-api-paste.ini api_audit_map.conf glance-api.conf logging.conf; do
  extract "/etc/glance/$file" >"$WORK/glance/$file"
done
sed -i "s#/etc/glance#$WORK/glance#; s#/var/log/glance#$WORK/glance#" "$WORK/glance"/*

# requests N: has the real middleware see so many requests to an API, by the configuration above.
requests() {
  "$PYTHON" - "$WORK/glance" "$1" <<'PYTHON'
import configparser, importlib, sys
import webob, webob.dec
from oslo_config import cfg
from oslo_log import log
directory, count = sys.argv[1], int(sys.argv[2])
conf = cfg.CONF
log.register_options(conf)
conf([], project="glance", default_config_files=[f"{directory}/glance-api.conf"])
log.setup(conf, "glance")
paste = configparser.ConfigParser()
paste.read(f"{directory}/glance-api-paste.ini")
section = dict(paste["filter:audit"])
module, _, factory = section.pop("paste.filter_factory").partition(":")
make = getattr(importlib.import_module(module), factory)({}, **section)

@webob.dec.wsgify
def api(request):
    return webob.Response(status=403 if request.method == "DELETE" else 200)

catalog = '[{"type": "image", "name": "glance", "endpoints": [{"id": "e1", "publicURL": "http://glance", "internalURL": "http://glance", "adminURL": "http://glance"}]}]'
app = make(api)
for number in range(count):
    environ = {"HTTP_X_IDENTITY_STATUS": "Confirmed", "HTTP_X_USER_ID": "u-ann", "HTTP_X_USER_NAME": "ann", "HTTP_X_PROJECT_ID": "p1",
               "HTTP_X_ROLES": "member", "HTTP_X_AUTH_TOKEN": "token", "HTTP_X_SERVICE_CATALOG": catalog,
               "REMOTE_ADDR": "192.0.2.7", "HTTP_USER_AGENT": "openstackclient"}
    method = ("GET", "DELETE")[number % 2]
    webob.Request.blank(f"http://glance/v2/images/i-{number}", environ=environ, method=method).get_response(app)
PYTHON
}

"$PYTHON" -c 'import importlib.metadata as m; print("keystonemiddleware", m.version("keystonemiddleware"), "oslo.messaging", m.version("oslo.messaging"))'
check "the middleware sees 20 requests" requests 20
check "each leaves two lines" test "$(wc -l <"$WORK/glance/audit.log")" = 40
check "the lines are sent" atrail trail -t cadf -f "$WORK/glance/audit.log"

# The events are those within the lines, to the byte.
exact() {
  atrail -q download -s today --as ndjson -o - | jq -cS 'select(.initiator.name? == "ann")' | sort >"$WORK/got"
  jq -cS .payload "$WORK/glance/audit.log" | sort | diff - "$WORK/got"
}
check "what is stored are the events within" exact
check "with user, address, outcome and resource" test \
  "$(stored '.initiator.name? == "ann" and .initiator.host.address? == "192.0.2.7" and .outcome == "failure" and .action == "delete"
     and (.target.typeURI | startswith("service/storage/image"))')" = 10
sed -i 's/"outcome": "failure"/"outcome": "success"/' "$WORK/glance/audit.log"
control "after a change of the file, that it is what was stored" exact
sed -i 's/"eventTime"/"time"/' "$WORK/glance/audit.log"
control "without their times, that the lines are accepted" atrail trail -t cadf -f "$WORK/glance/audit.log"
