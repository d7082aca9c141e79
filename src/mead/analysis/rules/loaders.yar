// SPDX-License-Identifier: Apache-2.0
// Facts that help to sort bodies; none of them says by itself that a body is malicious.

rule shell_loader
{
    meta:
        info = true
        description = "script that fetches, makes executable and starts a program"
        confidence = 80
    strings:
        $fetch1 = /\b(wget|curl|tftp|ftpget)\b[^\n]{1,300}/ nocase
        $chmod = /chmod\s+(\+x|0?7[0-7][0-7]|u\+x|a\+x)/
        $run = /(^|[;&|\s])(sh|bash|\.\/)[\s\w.\/-]{1,60}/
    condition:
        filesize < 256KB and uint32(0) != 0x464c457f and $fetch1 and $chmod and $run
}

rule busybox_device_bot
{
    meta:
        info = true
        description = "program that speaks of BusyBox and of watchdogs or Telnet log-ins, as bots for devices do"
        confidence = 60
    strings:
        $busybox = "/bin/busybox"
        $watchdog = "/dev/watchdog"
        $misc = "/dev/misc/watchdog"
        $telnet1 = "enable\x00"
        $telnet2 = "linuxshell"
        $proc = "/proc/net/tcp"
    condition:
        uint32(0) == 0x464c457f and $busybox and 1 of ($watchdog, $misc, $telnet1, $telnet2, $proc)
}

rule upx_packed
{
    meta:
        info = true
        description = "packed with UPX"
        confidence = 85
    strings:
        $mark = "UPX!"
    condition:
        (uint32(0) == 0x464c457f or uint16(0) == 0x5a4d) and $mark
}

rule coin_miner_configuration
{
    meta:
        info = true
        description = "configuration or command line of a coin miner"
        confidence = 70
    strings:
        $pool = "stratum+tcp://"
        $pool_tls = "stratum+ssl://"
        $donate = "donate-level"
        $algorithm = "\"algo\""
    condition:
        1 of ($pool, $pool_tls) or ($donate and $algorithm)
}

rule ransom_note_words
{
    meta:
        info = true
        description = "words of a ransom note"
        confidence = 50
    strings:
        $files = "your files" nocase
        $encrypted = "encrypted" nocase
        $decrypt = "decrypt" nocase
        $pay1 = "bitcoin" nocase
        $pay2 = "monero" nocase
        $pay3 = ".onion"
    condition:
        filesize < 1MB and $files and $encrypted and $decrypt and 1 of ($pay*)
}
