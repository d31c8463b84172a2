// face_test.cpp - the grammar, the texts and the statuses of slirp4netns: nothing is connected here.
#include "face_test.h"

namespace postern::lab {
namespace {

TEST_P(Face, Answers) { compare(); }

constexpr const char* kUsage = "status=1\nusage\n";

constexpr FaceCase kGrammar[] = {
    {"NothingIsTooLittle", "answer", kUsage},
    {"OneOperandIsTooLittle", "answer 1", kUsage},
    {"UnknownOption", "answer --foo", "status=1\nslirp4netns: unrecognized option '--foo'\nusage\n"},
    {"UnknownLetter", "answer -x", "status=1\nslirp4netns: invalid option -- 'x'\nusage\n"},
    {"AmbiguousPrefix", "answer --en 1 tap0",
     "status=1\nslirp4netns: option '--en' is ambiguous; possibilities: '--enable-ipv6' '--enable-sandbox' "
     "'--enable-seccomp'\nusage\n"},
    {"UnambiguousPrefix", "answer --conf", kUsage},
    {"MissingValue", "answer 1 tap0 -e", "status=1\nslirp4netns: option requires an argument -- 'e'\nusage\n"},
    {"MissingValueOfALongOption", "answer --cidr", "status=1\nslirp4netns: option '--cidr' requires an argument\nusage\n"},
    {"ValueThatIsNotTaken", "answer --help=x", "status=1\nslirp4netns: option '--help' doesn't allow an argument\nusage\n"},
    {"DashesEndTheOptions", "answer -- -c tap0", "status=1\nPID must be a positive integer\nusage\n"},
    {"OptionsBehindOperands", "answer 1 tap0 --mtu=0", "status=1\nMTU must be a positive integer (< 65522)\nusage\n"},
    {"HelpByLetter", "answer -h", "status=0\nusage\n"},
    {"HelpComesFirst", "answer -hv", "status=0\nusage\n"},
    {"HelpBeforeAMistake", "answer -h --foo", "status=0\nusage\n"},
    {"HelpNamesEveryOption", R"sh("$S" --help >out 2>err; echo "status=$? err=$(wc -c <err)"
for option in configure exit-fd ready-fd mtu enable-ipv6 api-socket cidr disable-host-loopback netns-type userns-path \
  enable-sandbox enable-seccomp outbound-addr outbound-addr6 disable-dns macaddress target-type help version; do
  grep -qw -e "--$option" out || echo "no --$option"
done)sh",
     "status=0 err=0\n"},
    {"HelpNeedsNoDevice", R"(exec 0<&-; answer --help)", "status=0\nusage\n"},
    {"VersionIsRuncs", R"sh("$S" --version >out 2>err; echo "status=$? err=$(wc -c <err)"
sed -E 's/^(slirp4netns version|[A-Za-z_]+:) .+/\1/' out; grep -c version out
[ "$(sed -n 's/^SLIRP_CONFIG_VERSION_MAX: //p' out)" -ge 3 ] && echo enough)sh",
     "status=0 err=0\nslirp4netns version\ncommit:\nlibslirp:\nSLIRP_CONFIG_VERSION_MAX:\nlibseccomp:\n1\nenough\n"},
    {"VersionByLetterComesFirst", R"sh("$S" -vh | grep -cE 'version|Usage')sh", "1\n"},
    {"OldNameOfDisableHostLoopback", "answer --no-host-loopback | cut -d' ' -f1-2",
     "status=1\nWARNING: --no-host-loopback\nusage\n"},
    {"OldNameOfEnableSandbox", "answer --create-sandbox | cut -d' ' -f1-2", "status=1\nWARNING: --create-sandbox\nusage\n"},
    {"WarnsOfIpv6", "answer -6", "status=1\nWARNING: Support for IPv6 is experimental\nusage\n"},
    {"WarnsOfSeccomp", "answer --enable-seccomp", "status=1\nWARNING: Support for seccomp is experimental\nusage\n"},
    {"WarnsOfOutbound4", "answer --outbound-addr=1.2.3.4",
     "status=1\nWARNING: Support for --outbound-addr is experimental\nusage\n"},
    {"WarnsOfOutbound6", "answer --outbound-addr6=::1",
     "status=1\nWARNING: Support for --outbound-addr6 is experimental\nusage\n"},
    {"EverySwitchIsKnown", "answer -c --configure --enable-ipv6 --disable-host-loopback --enable-sandbox --disable-dns | tail -1",
     "usage\n"},
};
INSTANTIATE_TEST_SUITE_P(Grammar, Face, testing::ValuesIn(kGrammar), name_of_case);

constexpr FaceCase kValues[] = {
    {"ExitFdIsNoNumber", "answer -e x 1 tap0", "status=1\nexit-fd must be a non-negative integer\nusage\n"},
    {"ExitFdIsNegative", "answer --exit-fd=-1 1 tap0", "status=1\nexit-fd must be a non-negative integer\nusage\n"},
    {"ExitFdComesBeforeTheMtu", "answer -e x -m x 1 tap0", "status=1\nexit-fd must be a non-negative integer\nusage\n"},
    {"ReadyFdIsNoNumber", "answer -r 3x 1 tap0", "status=1\nready-fd must be a non-negative integer\nusage\n"},
    {"ReadyFdIsNegative", "answer --ready-fd -1 1 tap0", "status=1\nready-fd must be a non-negative integer\nusage\n"},
    {"MtuIsZero", "answer -m 0 1 tap0", "status=1\nMTU must be a positive integer (< 65522)\nusage\n"},
    {"MtuIsTooGreat", "answer --mtu 65522 1 tap0", "status=1\nMTU must be a positive integer (< 65522)\nusage\n"},
    {"MtuIsEmpty", "answer --mtu= 1 tap0", "status=1\nMTU must be a positive integer (< 65522)\nusage\n"},
    {"MtuHasAUnit", "answer -m1500B 1 tap0", "status=1\nMTU must be a positive integer (< 65522)\nusage\n"},
    {"MtuIsTooSmallForIp", "target; answer -c --mtu 67 $N tap0 | head -1", "status=1\n"},
    {"PidIsAName", "answer abc tap0", "status=1\nPID must be a positive integer\nusage\n"},
    {"PidIsZero", "answer 0 tap0", "status=1\nPID must be a positive integer\nusage\n"},
    {"PidIsHexadecimal", "answer 0x10 tap0", "status=1\nPID must be a positive integer\nusage\n"},
    {"PidIsNegative", "answer -- -7 tap0", "status=1\nPID must be a positive integer\nusage\n"},
    {"NobodyHasThePid", "answer -c 4000000 tap0 | head -1; [ -s err ] && echo said", "status=1\nsaid\n"},
    {"PidIsAnothersProcess", "answer -c 1 tap0 | head -1; [ -s err ] && echo said", "status=1\nsaid\n"},
    {"UsernsPathIsMissing", "answer --userns-path /none 1 tap0", "status=1\nuserns path doesn't exist: /none\nusage\n"},
    {"PathIsMissing", "answer --netns-type=path /none tap0",
     "status=1\nexisting path expected when --netns-type=path: No such file or directory\nusage\n"},
    {"PathIsNoNamespace", "answer --netns-type=path /etc/passwd tap0 | head -1; [ -s err ] && echo said", "status=1\nsaid\n"},
    {"AnyOtherTypeIsAPath", "answer --netns-type=foo /none tap0",
     "status=1\nexisting path expected when --netns-type=path: No such file or directory\nusage\n"},
    {"CidrIsANumber", "answer --cidr 24 1 tap0", "status=1\ninvalid CIDR: 24\n"},
    {"CidrIsAWord", "answer --cidr foo 1 tap0", "status=1\ninvalid CIDR: foo\n"},
    {"CidrHasNoPrefix", "answer --cidr 10.0.2.0 1 tap0", "status=1\ninvalid CIDR: 10.0.2.0\n"},
    {"CidrHasALongGroup", "answer --cidr 1000.0.2.0/24 1 tap0", "status=1\ninvalid CIDR: 1000.0.2.0/24\n"},
    {"CidrHasALongPrefix", "answer --cidr=10.0.2.0/026 1 tap0", "status=1\ninvalid CIDR: 10.0.2.0/026\n"},
    {"CidrHasALargeGroup", "answer --cidr 300.1.1.0/24 1 tap0", "status=1\ninvalid network address: 300.1.1.0\n"},
    {"CidrIsTooSmall", "answer --cidr 10.0.2.100/26 1 tap0", "status=1\nprefix length needs to be 1-25\n"},
    {"CidrIsTheWorld", "answer --cidr 0.0.0.0/0 1 tap0", "status=1\nprefix length needs to be 1-25\n"},
    {"CidrHasHostBits", "answer --cidr 10.0.2.100/24 1 tap0",
     "status=1\nCIDR needs to be a network address like 10.0.2.0/24, not like 10.0.2.100/24\n"},
    {"CidrIsJudgedBeforeTheMac", "answer -c --macaddress xx --cidr foo 1 tap0", "status=1\ninvalid CIDR: foo\n"},
    {"OutboundIsNothingHere", "answer --outbound-addr foo 1 tap0 | head -2",
     "status=1\noutbound-addr has to be valid ipv4 address or interface name.\n"},
    {"OutboundIsOfTheOtherFamily", "answer --outbound-addr ::1 1 tap0 | head -2",
     "status=1\noutbound-addr has to be valid ipv4 address or interface name.\n"},
    {"Outbound6IsOfTheOtherFamily", "answer --outbound-addr6 127.0.0.1 1 tap0 | head -2",
     "status=1\noutbound-addr6 has to be valid ipv6 address or interface name.\n",
     differs("B12: the text names the wrong option", "status=1\noutbound-addr has to be valid ipv4 address or iterface name.\n")},
    {"MacNeedsConfigure", "answer --macaddress 02:00:5e:00:53:01 1 tap0",
     "status=1\n--macaddr cannot be specified when --configure or -c is not specified\nusage\n"},
    {"MacIsAWord", "answer -c --macaddress xx 1 tap0 | head -1; grep -c xx err", "status=1\n1\n"},
    {"MacIsTooLong", "answer -c --macaddress 2:2:3:4:5:6:7 1 tap0 | head -1; grep -c 2:2:3:4:5:6:7 err", "status=1\n1\n"},
    {"MacIsAGroups", "target; answer -c --macaddress 01:00:5e:00:53:01 $N tap0 | head -1", "status=1\n"},
    {"TargetTypeIsUnknown", "answer --target-type foo 1 tap0",
     "status=1\n--target-type must be either \"netns\" or \"bess\"\nusage\n"},
    {"BessNeedsAPath", "answer --target-type bess", kUsage},
    {"BessTakesOneOperand", "answer --target-type bess a b", "status=1\ntoo many arguments\nusage\n"},
    {"BessConfiguresNothing", "answer --target-type bess -c a",
     "status=1\n--configure conflicts with --target-type=bess\nusage\n"},
    {"BessHasNoNetns", "answer --target-type=bess --netns-type path a",
     "status=1\n--netns-type conflicts with --target-type=bess\nusage\n"},
    {"BessHasNoUserns", "answer --target-type=bess --userns-path / a",
     "status=1\n--userns-path conflicts with --target-type=bess\nusage\n"},
    {"ApiSocketPathIsTooLong", "target; answer -a /tmp/$(printf %0200d 0) $N tap0 | grep -oE 'status=.*|the spec.*'",
     "status=1\nthe specified API socket path is too long (>= 108)\n"},
    {"TapFdIsNoNumber", "answer --netns-type=tapfd foo", "status=1\nTAPFD must a file descriptor\nusage\n",
     ours_alone("M18, since 1.3.0")},
    {"TapFdIsMissing", "answer --netns-type=tapfd", kUsage, ours_alone("M18, since 1.3.0")},
    {"TapFdIsNoTap", "answer --netns-type=tapfd 0 | head -1; wc -l <err", "status=1\n1\n", ours_alone("M18, since 1.3.0")},
    {"LongTapNameIsRefused", "target; answer $N sixteen-letters-; inside ip -o link | cut -d: -f2",
     "status=1\nTAPNAME sixteen-letters- is too long: 15 characters at most\n lo\n", ours_alone("B12: it cuts the name")},
    {"TapNameIsNoPattern", "target; answer $N tap%d; inside ip -o link | cut -d: -f2",
     "status=1\nTAPNAME \"tap%d\" is no name for a device\n lo\n", ours_alone("B12: it makes a device nobody asked for")},
};
INSTANTIATE_TEST_SUITE_P(Values, Face, testing::ValuesIn(kValues), name_of_case);

}  // namespace
}  // namespace postern::lab
