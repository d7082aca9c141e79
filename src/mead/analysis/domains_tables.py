# SPDX-License-Identifier: Apache-2.0
"""Top-level domains, those among them that look like code, and hosts that are only cited."""

from __future__ import annotations

__all__ = ["CITED", "LIKE_CODE", "TOP_LEVEL"]

TOP_LEVEL = frozenset(
    """
    com net org info biz name pro mobi edu gov mil int onion bit app dev page xyz top site online
    club shop store live space website tech icu vip work fun win bid loan men date download stream gdn
    buzz cyou rest bar click link host press network cloud today world life best monster quest sbs cfd
    lol pics asia cat jobs tel ac ad ae af ag ai al am ao ar as at au aw az ba bb bd be bf bg bh bi bj
    bm bn bo br bs bt bw by bz ca cd cf cg ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz
    ec ee eg er es et eu fi fj fk fm fo fr ga gd ge gf gg gh gi gl gm gn gp gq gr gt gu gw gy hk hm hn
    hr ht hu id ie il im in io iq ir is it je jm jo jp ke kg kh ki km kn kp kr kw ky kz la lb lc li lk
    lr ls lt lu lv ly ma mc me mg mh mk ml mm mn mo mp mq mr ms mt mu mv mw mx my mz na nc ne nf ng ni
    nl no np nr nu nz om pa pe pf pg ph pk pm pn pr ps pt pw qa re ro ru rw sa sb sc sd se sg si sk sl
    sm sn sr ss st su sv sx sy sz tc td tf tg th tj tk tl tm tn to tr tt tv tw tz ua ug uk us uy uz va
    vc ve vg vi vn vu wf ws ye yt za zm zw
    """.split()  # noqa: SIM905  # a hundred words read better than a hundred quotes
)
"""Top-level domains that are hardly ever file suffixes (no so, sh, py, pl, cc, rs, md, zip, mov)."""

LIKE_CODE = frozenset(
    """
    name info app dev page live store space work fun win bid date download stream rest bar click link host
    press network cloud today world life best cat jobs pro int bit site
    ac ad ae af ag al am ao ar as at aw ba bb bd be bf bg bh bi bj bm bn bo bs bt bw ci ck cu cv cw cx do
    dj dm et fm fo gd ge gf gg gh gi gl gm gn gp gq gt gu gw gy hm ht id ie im in is it je jo ki km kn kp
    la lb lc li ls ly ma mc mg mh mm mn mo mp mq mr ms mt mu mv mw mz na nc ne nf ng ni no np nr nu om pa
    pf pg pm pn pr ps re sb sc sd si sl sm sn sr ss st sv sx sy sz tc td tf tg tj tl tm tn to tt va vc vi
    vu wf ye yt zm zw
    """.split()  # noqa: SIM905
)
"""Those that are also words or abbreviations that stand behind a dot in code: `java.vm.name`, `end.as`."""

CITED = frozenset(
    """
    www.w3.org w3.org schemas.microsoft.com schemas.openxmlformats.org schemas.xmlsoap.org purl.org
    purl.oclc.org ns.adobe.com iptc.org docs.oasis-open.org relaxng.org xml.org www.xfa.org java.sun.com
    xmlns.jcp.org xml.apache.org www.apple.com www.freedesktop.org xmlns.com schemas.android.com
    www.unicode.org ocsp.digicert.com crl3.digicert.com crl4.digicert.com cacerts.digicert.com
    ocsp.verisign.com crl.verisign.com ocsp.thawte.com crl.thawte.com ts-ocsp.ws.symantec.com
    ts-aia.ws.symantec.com ts-crl.ws.symantec.com sf.symcb.com ocsp.sectigo.com crl.sectigo.com
    crt.sectigo.com ocsp.comodoca.com crl.comodoca.com crt.comodoca.com ocsp.usertrust.com
    crl.usertrust.com crt.usertrust.com crl.microsoft.com www.microsoft.com ocsp.globalsign.com
    crl.globalsign.com secure.globalsign.com ocsp.entrust.net crl.entrust.net gnu.org www.gnu.org fsf.org
    www.fsf.org openssh.com libssh.org
    """.split()  # noqa: SIM905
)
"""Hosts of name spaces, schemas, certificates and licences: cited by harmless programs, visited by none."""
