"""Where webhooks may go: to allowed hosts at public addresses alone."""

import pytest

from shared.errors import SettingsError, WebhookNotAllowed
from shared.queue.webhook_targets import Target, is_public, parse_target, resolve
from shared.settings import Settings, load_settings

SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
def settings() -> Settings:
    """The default settings; nothing here asks Redis."""
    return load_settings({})


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://hooks.example/x", "begins with https://"),
        ("ftp://hooks.example/x", "begins with https://"),
        ("not a url", "begins with https://"),
        ("https://evil.example/x", "webhooks to evil.example are not allowed"),
        ("https://hooks.example.evil.example/", "webhooks to hooks.example.evil.example are not allowed"),
        ("https://user:pw@hooks.example/", "without a user name or password"),
        ("https://", "has no host"),
        ("https://:443/", "has no host"),
        ("https://[broken", "not a valid URL"),
        ("https://hooks.example:port/", "not a valid URL"),
        ("https://hooks.example:0/", "port 0"),
    ],
)
def test_webhooks_go_to_allowed_https_hosts_alone(settings: Settings, url: str, reason: str) -> None:
    allowed = settings.webhooks.model_copy(update={"allowed_hosts": ("hooks.example",)})
    with pytest.raises(WebhookNotAllowed, match=reason):
        parse_target(url, allowed)
    target = parse_target("https://hooks.example/a/b?c=d", allowed)
    assert (target.host, target.port, target.path) == ("hooks.example", 443, "/a/b?c=d")


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.1.2.3", "192.168.0.1", "169.254.169.254", "::1", "fe80::1%eth0", "100.64.0.1"]
)
def test_a_name_that_leads_into_a_private_network_is_refused_at_delivery(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    """A single private address among public ones is enough."""
    allowed = settings.webhooks.model_copy(update={"allowed_hosts": ("hooks.example",)})
    entries = [(0, 0, 0, "", ("93.184.215.14", 443)), (0, 0, 0, "", (address, 443))]
    monkeypatch.setattr("socket.getaddrinfo", lambda *_args, **_kwargs: entries)
    with pytest.raises(WebhookNotAllowed, match="not a public address"):
        resolve(parse_target("https://hooks.example/", allowed), allowed)
    monkeypatch.setattr("socket.getaddrinfo", lambda *_args, **_kwargs: entries[:1])
    assert resolve(parse_target("https://hooks.example/", allowed), allowed) == ["93.184.215.14"]


@pytest.mark.parametrize(
    ("target", "authority"),
    [(Target("https", "hooks.example", 443, "/"), "hooks.example"),
     (Target("http", "hooks.example", 80, "/"), "hooks.example"),
     (Target("https", "hooks.example", 8443, "/"), "hooks.example:8443"),
     (Target("https", "hooks.example", 80, "/"), "hooks.example:80"),
     (Target("https", "2606:2800::1", 443, "/"), "[2606:2800::1]"),
     (Target("https", "2606:2800::1", 444, "/"), "[2606:2800::1]:444")],
)  # fmt: skip
def test_the_host_header_has_the_port_where_it_is_not_the_scheme_s_own(target: Target, authority: str) -> None:
    assert target.authority == authority


def test_addresses_come_in_the_system_s_order_with_the_families_in_turn(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    allowed = settings.webhooks.model_copy(update={"allowed_hosts": ("hooks.example",)})
    found = ["2606:2800::2", "2606:2800::1", "2606:2800::2", "93.184.215.14", "93.184.215.13", "93.184.215.12"]
    monkeypatch.setattr("socket.getaddrinfo", lambda *_a, **_k: [(0, 0, 0, "", (one, 443)) for one in found])
    assert resolve(parse_target("https://hooks.example/", allowed), allowed) == [
        "2606:2800::2", "93.184.215.14", "2606:2800::1", "93.184.215.13", "93.184.215.12",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "address",
    ["::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:7f00:1::", "224.0.0.1", "ff02::1", "0.0.0.0", "::", "255.255.255.255",  # noqa: S104
     "fc00::1", "192.0.2.1", "198.18.0.1", "fec0::1", "64:ff9b:1::a00:1", "::10.0.0.1", "::7f00:1", "::ffff:0:a00:1",
     "5f00::1"],
)  # fmt: skip
def test_what_leads_inside_in_other_clothes_is_not_public(address: str) -> None:
    assert not is_public(address)
    assert is_public("93.184.215.14")
    assert is_public("2606:2800:21f::1")
    assert is_public("64:ff9b::5db8:d70e")


@pytest.mark.parametrize(
    ("settings_of", "message"),
    [({"ALLOWED_HOSTS": '["hooks.example"]'}, r"webhooks\.secret"),
     ({"ALLOWED_HOSTS": '["hooks.example"]', "SECRET": "null"}, r"webhooks\.secret"),
     ({"ALLOWED_HOSTS": '["hooks.example"]', "SECRET": ""}, "24 to 64 bytes"),
     ({"ALLOWED_HOSTS": '["hooks.example"]', "SECRET": "whsec_c2hvcnQ="}, "24 to 64 bytes"),
     ({"SECRET": "whsec_no base64 at all, but long enough"}, "24 to 64 bytes"),
     ({"ALLOWED_HOSTS": '["https://hooks.example"]', "SECRET": SECRET}, "not a host name"),
     ({"ALLOWED_HOSTS": '["hooks.example:443"]', "SECRET": SECRET}, "not a host name"),
     ({"ALLOWED_HOSTS": '["*.example"]', "SECRET": SECRET}, "not a host name"),
     ({"ALLOWED_HOSTS": '[""]', "SECRET": SECRET}, "not a host name")],
)  # fmt: skip
def test_settings_that_could_never_deliver_stop_the_start(settings_of: dict[str, str], message: str) -> None:
    environment = {f"WRITING_WEBHOOKS__{key}": value for key, value in settings_of.items()}
    with pytest.raises(SettingsError, match=message) as caught:
        load_settings(environment)
    assert "no base64 at all" not in str(caught.value)


def test_allowed_hosts_are_compared_as_names_are() -> None:
    environment = {"ALLOWED_HOSTS": '["Hooks.Example.", "bücher.example", "[2606:2800:0::1]"]', "SECRET": SECRET}
    settings = load_settings({f"WRITING_WEBHOOKS__{key}": value for key, value in environment.items()}).webhooks
    assert settings.allowed_hosts == ("hooks.example", "xn--bcher-kva.example", "2606:2800::1")
    assert parse_target("https://HOOKS.example./", settings).host == "hooks.example"
    assert parse_target("https://bücher.example/", settings).host == "xn--bcher-kva.example"
    assert parse_target("https://[2606:2800::1]:8443/", settings).authority == "[2606:2800::1]:8443"


def test_a_claim_outlasts_the_longest_delivery() -> None:
    """Otherwise another worker would send the webhook too."""
    webhooks = load_settings({"WRITING_WEBHOOKS__TIMEOUT_S": "3600"}).webhooks
    assert webhooks.claim_s > webhooks.timeout_s
