"""What Telegram finds by itself in a text, and which links it lets stand.

    text -> find_automatic -> [Entity]          mentions, hashtags, cashtags, commands, addresses, phones
    link -> check_link     -> the link in its canonical spelling, or TextError

Pure. The rules were learnt from the official parser (TDLib 1.8.69) and are compared with it by the
`oracle` test. Offsets and lengths of an `Entity` are UTF-16 code units, as everywhere in the Bot API.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv6Address
from unicodedata import category

Span = tuple[int, int]

MAX_USER_ID = (1 << 40) - 1


class TextError(Exception):
    """A text was refused; `description` is what follows "Bad Request: " in Telegram's answer."""

    def __init__(self, message: str) -> None:
        # The Bot API server lower-cases the first letter unless the text looks like a CODE_IN_CAPITALS.
        keep = message[1:2] == "_" or "A" <= message[1:2] <= "Z"
        self.reason = message
        self.description = message if keep else message[:1].lower() + message[1:]
        super().__init__(self.description)


@dataclass(frozen=True, slots=True)
class Entity:
    """One marked range of a text: Bot API `MessageEntity`, offset and length in UTF-16 code units.

    Only the fields of its type are set: `url` (text_link), `language` (pre), `user_id` (text_mention),
    `custom_emoji_id` (custom_emoji), `unix_time` in seconds and `date_time_format` (date_time; "" is the
    clients' default).
    """

    type: str
    offset: int
    length: int
    url: str | None = None
    language: str | None = None
    user_id: int | None = None
    custom_emoji_id: str | None = None
    unix_time: int | None = None
    date_time_format: str | None = None

    @property
    def end(self) -> int:
        """The offset just after the entity."""
        return self.offset + self.length

    def to_json(self, user: Mapping[str, object] | None = None) -> dict[str, object]:
        """The MessageEntity object; `user` is the User of a text_mention, a nameless one if not given."""
        result: dict[str, object] = {"offset": self.offset, "length": self.length, "type": self.type}
        for name in ("url", "language", "custom_emoji_id", "unix_time", "date_time_format"):
            value = getattr(self, name)
            if value is not None:
                result[name] = value
        if self.user_id is not None:
            result["user"] = dict(user or {"id": self.user_id, "is_bot": False, "first_name": ""})
        return result


def utf16_length(text: str) -> int:
    """How many UTF-16 code units the text has."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


# -- Links -------------------------------------------------------------------------------------------

_URL_HEAD = re.compile(r"(?:([^:/?#@\[\]]*)://)?([^/?#]*)", re.DOTALL)
_URL_HOST = re.compile(r"(?:[A-Za-z0-9._!$,~*'();&+=\u0080-\U0010ffff-]|%[0-9A-Fa-f]{2})*")
_URL_USER = re.compile(r"(?:[A-Za-z0-9._!$,~*'();&+=:\u0080-\U0010ffff-]|%[0-9A-Fa-f]{2})*")
_OWN_SCHEME = re.compile(r"(tg|tonsite|ton):(?://)?", re.IGNORECASE | re.ASCII)
_SPACES = " \t\r\n\0\v"


def ascii_lower(text: str) -> str:
    """Lower-cases A-Z only, as the parser does for tags, schemes and hosts."""
    return text.encode("utf-8", "surrogatepass").lower().decode("utf-8", "surrogatepass")


def to_integer(text: str, bits: int) -> int | None:
    """The signed integer of so many bits that `text` spells canonically (no +, spaces, leading zeros)."""
    if not re.fullmatch(r"-?[0-9]{1,20}", text):
        return None
    value = int(text)
    return value if str(value) == text and -(1 << bits - 1) <= value < 1 << bits - 1 else None


def link_user_id(link: str) -> int | None:
    """The user that a `tg://user?id=N` link means, None for every other link."""
    found = re.match(r"tg:(?://)?user/?\?([^#]*)", ascii_lower(link), re.DOTALL)
    for parameter in found[1].split("&") if found else ():
        key, _, value = parameter.partition("=")
        if key == "id":
            user_id = to_integer(value, 64)
            return user_id if user_id is not None and 0 < user_id <= MAX_USER_ID else None
    return None


def check_link(link: str) -> str:
    """The link as Telegram stores it: scheme added, host lower-cased, a bare host closed by a slash.

    Raises TextError whose text is the bare reason ("Wrong HTTP URL"), for the caller to wrap.
    """
    own = _OWN_SCHEME.match(link)
    rest = link[own.end() :] if own else link
    scheme, user, host, port, query = _split_url(rest)
    if own:
        return _own_link(own[1].lower(), rest, (scheme, user, host, port, query))
    if "." not in host and not host.startswith("["):
        raise TextError("Wrong HTTP URL")
    return f"{scheme}://{user and user + '@'}{host}{port and f':{port}'}{query}"


def _own_link(kind: str, rest: str, url: tuple[str, str, str, str, str]) -> str:
    """A link of Telegram's own schemes tg, ton and tonsite."""
    scheme, user, host, port, query = url
    if ascii_lower(rest[:7]) == "http://" or scheme == "https" or user or port or host.startswith("["):
        raise TextError("Wrong tg URL" if kind == "tg" else "Wrong ton URL")
    if not re.fullmatch(r"[a-z0-9_.-]*" if kind == "tonsite" else r"[a-z0-9_-]*", host):
        raise TextError("Unallowed characters in URL host")
    return f"{kind}://{host}{query[1:] if query.startswith('/?') else query}"


def _split_url(url: str) -> tuple[str, str, str, str, str]:
    """Scheme (http or https), user part, lower-case host, port ("" if none) and path with query."""
    head = _URL_HEAD.match(url)
    assert head is not None
    scheme = "http" if head[1] is None else ascii_lower(head[1])
    if scheme not in ("http", "https"):
        raise TextError("Unsupported URL protocol")
    place, port = _split_port(head[2])
    user, _, host = place.rpartition("@")
    if host.startswith("[") and host.endswith("]"):
        _check_ipv6(host)
    elif not host:
        raise TextError("URL host is empty")
    elif host == ".":
        raise TextError("Host is invalid")
    else:
        _check_part(_URL_HOST, host, "host")
        _check_part(_URL_USER, user, "userinfo")
    query = url[head.end() :].rstrip(_SPACES) or "/"
    query = query if query.startswith("/") else "/" + query
    return scheme, user, ascii_lower(host), port, re.sub(r"[\0- ]", lambda c: f"%{ord(c[0]):02X}", query)


def _split_port(place: str) -> tuple[str, str]:
    """`user@host` and the port of `user@host:port`, "" when none is given."""
    mark = max(place.rfind(sign) for sign in ":]@")
    if mark <= 0 or place[mark] != ":":
        return place, ""
    digits = place[mark + 1 :]
    port = to_integer(digits.lstrip("0") or digits[:1], 32)
    if not port or not 0 < port <= 65535:
        raise TextError("Wrong port number specified in the URL")
    return place[:mark], str(port)


def _check_ipv6(host: str) -> None:
    try:
        IPv6Address(host[1:-1])
    except AddressValueError:
        raise TextError("Wrong IPv6 address specified in the URL") from None
    if "%" in host:
        raise TextError("Wrong IPv6 URL host")


def _check_part(allowed: re.Pattern[str], part: str, name: str) -> None:
    found = allowed.match(part)
    assert found is not None
    if found.end() < len(part):
        percent = part[found.end()] == "%"
        what = "Wrong percent-encoded symbol" if percent else "Disallowed character"
        raise TextError(f"{what} in URL {name}")


# -- Words with a sign -------------------------------------------------------------------------------

_SHORT_NAMES = frozenset({"gif", "nft", "pic", "ufc", "vid"})
_NAME = "[A-Za-z0-9_]"
_MENTION = re.compile(rf"(?<!\w)@({_NAME}{{2,32}})(?!\w)")
_COMMAND = re.compile(rf"(?<![\w/<>])/{_NAME}{{1,64}}(?:@{_NAME}{{3,32}}|(?!@))(?![\w/<>])")
_CASHTAG = re.compile(rf"\$(?>1INCH|[A-Z]{{1,8}}(?![A-Z]))(?:@{_NAME}{{3,32}}(?!{_NAME}))?+")
_TAG_RUN = re.compile("#([\\w\u200c\u00b7\u0d80-\u0dff]+)")
_TAG_CHAT = re.compile(f"@{_NAME}{{3,32}}")
# Telegram looks for phone numbers on its servers only, by rules nobody published: whole numbers in the
# international form are enough for a stand-in.
_PHONE = re.compile(r"(?<![\w+.,-])\+[1-9](?:[ ()-]{0,2}[0-9]){9,14}(?![\w-])", re.ASCII)


def _is_tag_letter(sign: str) -> bool:
    # Sinhala counts whole, with its vowel signs; the middle dot and the joiner stand inside words.
    return sign in "_\u200c\u00b7" or "\u0d80" <= sign <= "\u0dff" or category(sign) in _TAG_CATEGORIES


_LETTERS = frozenset({"Lu", "Ll", "Lt", "Lm", "Lo"})
_TAG_CATEGORIES = _LETTERS | {"Nd"}


def _mentions(text: str) -> Iterator[Span]:
    for found in _MENTION.finditer(text):
        if len(found[1]) >= 4 or found[1].lower() in _SHORT_NAMES:
            yield found.span()


def _commands(text: str) -> Iterator[Span]:
    return (found.span() for found in _COMMAND.finditer(text))


def _phones(text: str) -> Iterator[Span]:
    return (found.span() for found in _PHONE.finditer(text))


def _hashtags(text: str) -> Iterator[Span]:
    for found in _TAG_RUN.finditer(text):
        start, end = found.span()
        if start and _is_tag_letter(text[start - 1]):
            continue
        letters = 0
        while start + 1 + letters < end and _is_tag_letter(text[start + 1 + letters]):
            letters += 1
        end = start + 1 + letters
        chat = _TAG_CHAT.match(text, end) if 0 < letters <= 256 else None
        after = chat.end() if chat else end
        tag = text[start + 1 : min(end, start + 257)]
        if text[after : after + 1] != "#" and any(category(sign) in _LETTERS for sign in tag):
            yield start, chat.end() if chat else start + 1 + len(tag)


def _cashtags(text: str) -> Iterator[Span]:
    for found in _CASHTAG.finditer(text):
        start, end = found.span()
        around = text[start - 1 : start] + text[end : end + 1]
        if not any(sign == "$" or _is_tag_letter(sign) for sign in around):
            yield start, end


# -- Addresses ---------------------------------------------------------------------------------------

_GAPS = " \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_NO_URL = " \u00a0\u1680\u2000-\u200b\u200e\u200f\u2016-\u206f\u3000"
_DOMAIN_SIGN = re.compile(rf"[^\0-,/:-@\[-^`{{-}}\x7f-\xbf{_NO_URL}]")
_DOMAIN = re.compile(rf"[^\0-,/:-?\[-^`{{-}}\x7f-\xbf{_NO_URL}]*")
_USER_SIGN = re.compile(rf"[^\n/\[\]{{}}()'`<>\"@«»{_NO_URL}]")
_PROTOCOL_SIGN = re.compile(rf"[^\0-*,./:-@\[-`{{-\x7f{_GAPS}]")
_PORT = re.compile(r":0*([0-9]*)")
_PATH = re.compile(rf"[/?#][^\n<>\"«»{_NO_URL}]*")
_PATH_TAIL = ".:;,('?!`"
_SCHEMES = ("https", "http", "ftp", "tonsite")
_FOREIGN_SCHEMES = ("shttp", "tftp", "sftp")
# A slip of Telegram's own that readers would see: tonsite://name without a dot is marked from "ite://".
_OWN_URL = re.compile(r"(?:tg|ton|(?<=tons)ite)://[a-z0-9_-]{1,253}", re.IGNORECASE | re.ASCII)
_EMAIL = re.compile(
    r"(?:[A-Za-z0-9_-]{0,26}[.+]){0,10}[A-Za-z0-9_-]{1,35}@"
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9_-]{0,28}[A-Za-z0-9])?\.){1,6}[A-Za-z]{2,8}"
)
_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{3}}")
_WITH_SCHEME = re.compile("(?:https?|ftp|tonsite)://", re.IGNORECASE | re.ASCII)


def _back(text: str, position: int, low: int, sign: re.Pattern[str]) -> int:
    """Where the run of signs that ends at `position` begins, not before `low`."""
    while position > low and sign.match(text, position - 1):
        position -= 1
    return position


def _path_end(text: str, position: int) -> int:
    """The end of the path at `position`; a sentence's own punctuation at its end is no part of it."""
    path = _PATH.match(text, position)
    if path is None:
        return position
    end = position + 1 + len(path[0][1:].rstrip(_PATH_TAIL))
    return end if path[0][0] == "/" or end > position + 1 else position


def _own_urls(text: str) -> Iterator[Span]:
    end = 0
    while found := _OWN_URL.search(text, end):
        end = _path_end(text, found.end())
        yield found.start(), end


def _raw_urls(text: str) -> Iterator[Span]:
    """Everything around a dot that has the outer form of an address."""
    low = 0
    while 0 <= (dot := text.find(".", low)) < len(text) - 1:
        if text[dot + 1] == " ":
            low = dot + 2
            continue
        begin, end, good = _around(text, dot, low)
        if good:
            if end > dot + 1:
                yield begin, end
            while text[end : end + 1] == ".":
                end += 1
        else:
            end = text.rindex(".", 0, end) + 1
        low = max(end, dot + 1)


def _around(text: str, dot: int, low: int) -> tuple[int, int, bool]:
    """The address around the dot, looking back to `low` only, and whether what precedes it allows one."""
    domain = _DOMAIN.match(text, dot)
    assert domain is not None
    begin, end = _back(text, dot, low, _DOMAIN_SIGN), domain.end()
    with_user = "@" in domain[0]
    if with_user:
        begin = _back(text, begin, low, _USER_SIGN)
    port = _PORT.match(text, end)
    if port and 0 < len(port[1]) <= 5 and int(port[1]) <= 65535:
        end = port.end()
    end = _path_end(text, end)
    while end > dot + 1 and text[end - 1] == ".":
        end -= 1
    good = True
    if begin > low and text[begin - 1] == "@":
        user = _back(text, begin - 1, low, _USER_SIGN)
        good = not with_user and user < begin - 1
        begin = user
    if begin > low:
        scheme = _scheme_before(text, begin, low)
        begin -= len(scheme or "")
        good = good and scheme is not None
    return begin, end, good


def _scheme_before(text: str, begin: int, low: int) -> str | None:
    """The scheme with its `://` right before an address, "" if it needs none, None if it spoils it."""
    if text[low:begin].endswith("://"):
        protocol = ascii_lower(text[_back(text, begin - 3, low, _PROTOCOL_SIGN) : begin - 3])
        ends = (scheme for scheme in _SCHEMES if protocol.endswith(scheme))
        scheme = next(ends, None) if protocol not in _FOREIGN_SCHEMES else None
        return scheme and scheme + "://"
    return None if re.match(r"[\w/#@]", text[begin - 1]) else ""


def _url_length(url: str) -> int:
    """How much of a raw address Telegram marks; 0 when its host cannot be one."""
    scheme = _WITH_SCHEME.match(url)
    place = re.compile("[^/?#]*").match(url, scheme.end() if scheme else 0)
    assert place is not None
    host = place[0].partition("@")[2] if "@" in place[0] else place[0]
    host = host.rpartition(":")[0] if ":" in host else host
    if not _good_host(host, bool(scheme)):
        return 0
    return place.end() + _balanced(url[place.end() :])


def _balanced(path: str) -> int:
    """The length of the path up to a bracket that closes nothing, without a sentence's punctuation."""
    opened = {")": 0, "]": 0, "}": 0}
    closing = {"(": ")", "[": "]", "{": "}"}
    for position, sign in enumerate(path):
        if sign in closing:
            opened[closing[sign]] += 1
        elif sign in opened:
            opened[sign] -= 1
            if opened[sign] < 0:
                path = path[:position]
                break
    return len(path.rstrip(_PATH_TAIL))


def _good_host(host: str, with_scheme: bool) -> bool:
    labels = host.split(".")
    # teiegram.org, a look-alike used by swindlers, is never made a link.
    if len(labels) < 2 or host.lower() == "teiegram.org":
        return False
    if any(not 0 < len(label.encode()) < 64 or label.endswith("-") for label in labels):
        return False
    if _IPV4.fullmatch(host):
        return True
    if re.fullmatch("[0-9.]*", host) or "_" in labels[-2]:
        return False
    return _good_tld(labels[-1], with_scheme)


def _good_tld(tld: str, with_scheme: bool) -> bool:
    if tld.startswith("xn--"):
        return re.fullmatch("[A-Za-z0-9]{2,}", tld[4:]) is not None
    if len(tld) < 2 or "_" in tld or "-" in tld:
        return False
    # "слово.Рф" is a forgotten space between sentences, "СЛОВО.РФ" an address.
    title = tld != tld.lower() and tld[1:] == tld.lower()[1:]
    return with_scheme or (not title and tld.lower() in _TLDS)


def _addresses(text: str) -> Iterator[tuple[str, int, int]]:
    for begin, end in _raw_urls(text):
        start = begin + 7 if text.startswith("mailto:", begin) else begin
        if _EMAIL.fullmatch(text, start, end):
            yield "email", start, end
        elif length := _url_length(text[begin:end]):
            yield "url", begin, begin + length


# -- All together ------------------------------------------------------------------------------------

_FINDERS: tuple[tuple[str, Callable[[str], Iterator[Span]]], ...] = (
    ("mention", _mentions),
    ("bot_command", _commands),
    ("hashtag", _hashtags),
    ("cashtag", _cashtags),
    ("url", _own_urls),
)


def find_automatic(text: str) -> list[Entity]:
    """What Telegram marks by itself in a cleaned text: sorted, without overlaps (the earlier, then the
    longer one wins; a phone number yields to everything)."""
    spans = [(start, end, kind) for kind, find in _FINDERS for start, end in find(text)]
    spans += [(start, end, kind) for kind, start, end in _addresses(text)]
    spans.sort(key=lambda span: (span[0], -span[1]))
    kept: list[tuple[int, int, str]] = []
    for span in spans:
        if not kept or span[0] >= kept[-1][1]:
            kept.append(span)
    for start, end in _phones(text):
        if all(end <= left or right <= start for left, right, _ in kept):
            kept.append((start, end, "phone_number"))
    return [Entity(kind, utf16_length(text[:a]), utf16_length(text[a:b])) for a, b, kind in sorted(kept)]


# The names after which a bare domain is an address, as the parser answers for each.
_TLD_NAMES = """
aaa aarp abb abbott abbvie abc able abogado abudhabi ac academy accenture accountant accountants aco actor
ad ads adult ae aeg aero aetna af afl africa ag agakhan agency ai aig airbus airforce airtel akdn al alibaba
alipay allfinanz allstate ally alsace alstom am amazon americanexpress americanfamily amex amfam amica
amsterdam analytics android anquan anz ao aol apartments app apple aq aquarelle ar arab aramco archi army
arpa art arte as asda asia associates at athleta attorney au auction audi audible audio auspost author auto
autos aw aws ax axa az azure ba baby baidu banamex band bank bar barcelona barclaycard barclays barefoot
bargains baseball basketball bauhaus bayern bb bbc bbt bbva bcg bcn bd be beats beauty beer bentley berlin
best bestbuy bet bf bg bh bharti bi bible bid bike bing bingo bio biz bj black blackfriday blockbuster blog
bloomberg blue bm bms bmw bn bnpparibas bo boats boehringer bofa bom bond boo book booking bosch bostik
boston bot boutique box br bradesco bridgestone broadway broker brother brussels bs bt build builders
business buy buzz bv bw by bz bzh ca cab cafe cal call calvinklein cam camera camp canon capetown capital
capitalone car caravan cards care career careers cars casa case cash casino cat catering catholic cba cbn
cbre cc cd center ceo cern cf cfa cfd cg ch chanel channel charity chase chat cheap chintai christmas chrome
church ci cipriani circle cisco citadel citi citic city ck cl claims cleaning click clinic clinique clothing
cloud club clubmed cm cn co coach codes coffee college cologne com commbank community company compare
computer comsec condos construction consulting contact contractors cooking cool coop corsica country coupon
coupons courses cpa cr credit creditcard creditunion cricket crown crs cruise cruises cu cuisinella cv cw cx
cy cymru cyou cz dabur dad dance data date dating datsun day dclk dds de deal dealer deals degree delivery
dell deloitte delta democrat dental dentist desi design dev dhl diamonds diet digital direct directory
discount discover dish diy dj dk dm dnp do docs doctor dog domains dot download drive dtv dubai dunlop
dupont durban dvag dvr dz earth eat ec eco edeka edu education ee eg email emerck energy engineer
engineering enterprises epson equipment er ericsson erni es esq estate et eu eurovision eus events exchange
expert exposed express extraspace fage fail fairwinds faith family fan fans farm farmers fashion fast fedex
feedback ferrari ferrero fi fidelity fido film final finance financial fire firestone firmdale fish fishing
fit fitness fj fk flickr flights flir florist flowers fly fm fo foo food football ford forex forsale forum
foundation fox fr free fresenius frl frogans frontier ftr fujitsu fun fund furniture futbol fyi ga gal
gallery gallo gallup game games gap garden gay gb gbiz gd gdn ge gea gent genting george gf gg ggee gh gi
gift gifts gives giving gl glass gle global globo gm gmail gmbh gmo gmx gn godaddy gold goldpoint golf goo
goodyear goog google gop got gov gp gq gr grainger graphics gratis green gripe grocery group gs gt gu gucci
guge guide guitars guru gw gy hair hamburg hangout haus hbo hdfc hdfcbank health healthcare help helsinki
here hermes hiphop hisamitsu hitachi hiv hk hkt hm hn hockey holdings holiday homedepot homegoods homes
homesense honda horse hospital host hosting hot hotels hotmail house how hr hsbc ht hu hughes hyatt hyundai
ibm icbc ice icu id ie ieee ifm ikano il im imamat imdb immo immobilien in inc industries infiniti info ing
ink institute insurance insure int international intuit investments io ipiranga iq ir irish is ismaili ist
istanbul it itau itv jaguar java jcb je jeep jetzt jewelry jio jll jm jmp jnj jo jobs joburg jot joy jp
jpmorgan jprs juegos juniper kaufen kddi ke kerryhotels kerrylogistics kerryproperties kfh kg kh ki kia kids
kim kindle kitchen kiwi km kn koeln komatsu kosher kp kpmg kpn kr krd kred kuokgroup kw ky kyoto kz la
lacaixa lamborghini lamer lancaster land landrover lanxess lasalle lat latino latrobe law lawyer lb lc lds
lease leclerc lefrak legal lego lexus lgbt li lidl life lifeinsurance lifestyle lighting like lilly limited
limo lincoln link lipsy live living lk llc llp loan loans locker locus lol london lotte lotto love lpl
lplfinancial lr ls lt ltd ltda lu lundbeck luxe luxury lv ly ma madrid maif maison makeup man management
mango map market marketing markets marriott marshalls mattel mba mc mckinsey md me med media meet melbourne
meme memorial men menu merckmsd mg mh miami microsoft mil mini mint mit mitsubishi mk ml mlb mls mm mma mn
mo mobi mobile moda moe moi mom monash money monster mormon mortgage moscow moto motorcycles mov movie mp mq
mr ms msd mt mtn mtr mu museum music mv mw mx my mz na nab nagoya name navy nba nc ne nec net netbank
netflix network neustar new news next nextdirect nexus nf nfl ng ngo nhk ni nico nike nikon ninja nissan
nissay nl no nokia norton now nowruz nowtv np nr nra nrw ntt nu nyc nz obi observer office okinawa olayan
olayangroup ollo om omega one ong onion onl online ooo open oracle orange org organic origins osaka otsuka
ott ovh pa page panasonic paris pars partners parts party pay pccw pe pet pf pfizer pg ph pharmacy phd
philips phone photo photography photos physio pics pictet pictures pid pin ping pink pioneer pizza pk pl
place play playstation plumbing plus pm pn pnc pohl poker politie porn post pr pramerica praxi press prime
pro prod productions prof progressive promo properties property protection pru prudential ps pt pub pw pwc
py qa qpon quebec quest racing radio re read realestate realtor realty recipes red redstone redumbrella
rehab reise reisen reit reliance ren rent rentals repair report republican rest restaurant review reviews
rexroth rich richardli ricoh ril rio rip ro rocks rodeo rogers room rs rsvp ru rugby ruhr run rw rwe ryukyu
sa saarland safe safety sakura sale salon samsclub samsung sandvik sandvikcoromant sanofi sap sarl sas save
saxo sb sbi sbs sc scb schaeffler schmidt scholarships school schule schwarz science scot sd se search seat
secure security seek select sener services seven sew sex sexy sfr sg sh shangrila sharp shell shia shiksha
shoes shop shopping shouji show si silk sina singles site sj sk ski skin sky skype sl sling sm smart smile
sn sncf so soccer social softbank software sohu solar solutions song sony soy spa space sport spot sr srl ss
st stada staples star statebank statefarm stc stcgroup stockholm storage store stream studio study style su
sucks supplies supply support surf surgery suzuki sv swatch swiss sx sy sydney systems sz tab taipei talk
taobao target tatamotors tatar tattoo tax taxi tc tci td tdk team tech technology tel temasek tennis teva tf
tg th thd theater theatre tiaa tickets tienda tips tires tirol tj tjmaxx tjx tk tkmaxx tl tm tmall tn to
today tokyo ton tools top toray toshiba total tours town toyota toys tr trade trading training travel
travelers travelersinsurance trust trv tt tube tui tunes tushu tv tvs tw tz ua ubank ubs ug uk unicom
university uno uol ups us uy uz va vacations vana vanguard vc ve vegas ventures verisign versicherung vet vg
vi viajes video vig viking villas vin vip virgin visa vision viva vivo vlaanderen vn vodka volvo vote voting
voto voyage vu wales walmart walter wang wanggou watch watches weather weatherchannel webcam weber website
wed wedding weibo weir wf whoswho wien wiki williamhill win windows wine winners wme wolterskluwer woodside
work works world wow ws wtc wtf xbox xerox xihuan xin xxx xyz yachts yahoo yamaxun yandex ye yodobashi yoga
yokohama you youtube yt yun za zappos zara zero zip zm zone zuerich zw vermögensberater vermögensberatung ελ
ευ бг бел дети ею католик ком мкд мон москва онлайн орг рус рф сайт срб укр қаз հայ ישראל קום ابوظبي ارامكو
الاردن البحرين الجزائر السعودية العليان المغرب امارات ایران بارت بازار بيتك بھارت تونس سودان سورية شبكة عراق
عرب عمان فلسطين قطر كاثوليك كوم مصر مليسيا موريتانيا موقع همراه پاکستان ڀارت कॉम नेट भारत भारतम् भारोत संगठन
বাংলা ভারত ভাৰত ਭਾਰਤ ભારત ଭାରତ இந்தியா இலங்கை சிங்கப்பூர் భారత్ ಭಾರತ ഭാരതം ලංකා คอม ไทย ລາວ გე みんな
アマゾン クラウド グーグル コム ストア セール ファッション ポイント 世界 中信 中国 中國 中文网 亚马逊 企业
佛山 信息 健康 八卦 公司 公益 台湾 台灣 商城 商店 商标 嘉里 嘉里大酒店 在线 大拿 天主教 娱乐 家電 广东 微博
慈善 我爱你 手机 招聘 政务 政府 新加坡 新闻 时尚 書籍 机构 淡马锡 游戏 澳門 点看 移动 组织机构 网址 网店
网站 网络 联通 谷歌 购物 通販 集团 電訊盈科 飞利浦 食品 餐厅 香格里拉 香港 닷넷 닷컴 삼성 한국
"""
_TLDS = frozenset(_TLD_NAMES.split())
