"""The formats of strings that JSON Schema names and that are asserted here. Knows text; no schema.

Each check takes a string and says whether it has the format, by the RFC the specification names. A format of the
specification that is not in `ASSERTED` is refused when a schema is loaded, not ignored; others (`int64`,
`password`, your own) only annotate, as the specification says.
Source: https://json-schema.org/draft/2020-12/json-schema-validation#section-7.3
"""

import ipaddress
import re
from collections.abc import Callable
from datetime import date

_TIME = re.compile(r"(\d\d):(\d\d):(\d\d)(?:\.\d+)?(?:[Zz]|([+-])(\d\d):(\d\d))", re.ASCII)
_DURATION = re.compile(r"P(?:\d+W|(?=.)(?:\d+Y)?(?:\d+M)?(?:\d+D)?(?:T(?=.)(?:\d+H)?(?:\d+M)?(?:\d+S)?)?)", re.ASCII)
_GAP = re.compile(r"P.*Y\d+D|T.*H\d+S")  # RFC 3339, appendix A: nothing between two units is left out
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_POINTER = re.compile(r"(?:/(?:[^~/]|~[01])*)*")
_ATOM = r"[\w!#$%&'*+/=?^`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_QUOTED = r'"(?:[^"\\\x00-\x1f\x7f]|\\[ -~])*"'
_EMAIL = re.compile(rf"(?:{_ATOM}(?:\.{_ATOM})*|{_QUOTED})@(?:{_LABEL}(?:\.{_LABEL})*|\[(?P<ip>[^\]]+)\])", re.ASCII)
_PCT = r"%[0-9A-Fa-f]{2}"
_CHAR = rf"(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|{_PCT})"
_USER = rf"(?:(?:[A-Za-z0-9._~!$&'()*+,;=:-]|{_PCT})*@)?"
_HOST = rf"(?:\[(?P<ip6>[^\]]*)\]|(?:[A-Za-z0-9._~!$&'()*+,;=-]|{_PCT})*)"
_AFTER = rf"(?:\?(?:{_CHAR}|[/?])*)?(?:\#(?:{_CHAR}|[/?])*)?"
_AUTHORITY = rf"//{_USER}{_HOST}(?::\d*)?(?:/{_CHAR}*)*"
_URI = re.compile(
    rf"[A-Za-z][A-Za-z0-9+.-]*:(?:{_AUTHORITY}|/(?:{_CHAR}+(?:/{_CHAR}*)*)?|{_CHAR}+(?:/{_CHAR}*)*|){_AFTER}", re.ASCII
)


def _date(value: str) -> bool:
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", value, re.ASCII):
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


def _time(value: str) -> bool:
    found = _TIME.fullmatch(value)
    if found is None:
        return False
    hour, minute, second = (int(found[group]) for group in (1, 2, 3))
    away = (int(found[5]), int(found[6])) if found[4] else (0, 0)
    if hour > 23 or minute > 59 or second > 60 or away[0] > 23 or away[1] > 59:
        return False
    sign = -1 if found[4] == "+" else 1
    utc = (hour * 60 + minute + sign * (away[0] * 60 + away[1])) % 1440
    return second < 60 or utc == 1439  # a leap second is the last of a day in UTC


def _moment(value: str) -> bool:
    return value[10:11] in ("T", "t") and _date(value[:10]) and _time(value[11:])


def _duration(value: str) -> bool:
    return _DURATION.fullmatch(value) is not None and not _GAP.search(value)


def _address(kind: type[ipaddress.IPv4Address | ipaddress.IPv6Address]) -> Callable[[str], bool]:
    def check(value: str) -> bool:
        try:
            kind(value)
        except ValueError:
            return False
        return value.isascii() and "%" not in value

    return check


def _email(value: str) -> bool:
    found = _EMAIL.fullmatch(value)
    if found is None:
        return False
    given = found["ip"]
    if given is None:
        return True
    return _IPV6(given[5:]) if given.startswith("IPv6:") else _IPV4(given)


def _uri(value: str) -> bool:
    found = _URI.fullmatch(value)
    return found is not None and (found["ip6"] is None or _IPV6(found["ip6"]))


_IPV4, _IPV6 = _address(ipaddress.IPv4Address), _address(ipaddress.IPv6Address)

ASSERTED: dict[str, Callable[[str], bool]] = {
    "date": _date,
    "time": _time,
    "date-time": _moment,
    "duration": _duration,
    "uuid": lambda value: _UUID.fullmatch(value) is not None,
    "ipv4": _IPV4,
    "ipv6": _IPV6,
    "email": _email,
    "uri": _uri,
    "json-pointer": lambda value: _POINTER.fullmatch(value) is not None,
}
NOT_ASSERTED = frozenset(
    ["hostname", "idn-hostname", "idn-email", "uri-reference", "uri-template", "iri", "iri-reference",
     "relative-json-pointer", "regex"]
)  # fmt: skip  # a regex of ECMA 262 is not one of Python's
