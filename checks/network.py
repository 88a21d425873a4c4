"""What a computer may say of its network, which a project needs to know."""

import sys

import certifi

# There is no such host.
INSIDE = "inside.ddk-checks.invalid"
NETWORK = {
    "HTTPS_PROXY": "http://proxy.ddk-checks.invalid:3128",
    "NO_PROXY": INSIDE,
    # Elsewhere than on Windows both are known, and a machine may have the other one.
    **({} if sys.platform == "win32" else {"no_proxy": INSIDE}),
    "SSL_CERT_FILE": certifi.where(),
    "REQUESTS_CA_BUNDLE": certifi.where(),
}
