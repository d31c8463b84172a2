# embed.cmake - makes a C++ source of a page: shell.html with its style, script and body put in, and a policy that lets this very
# style and this very script in and nothing else. Title, data and the plain text stay holes, for template.cpp to fill.
#
#   cmake -DPAGE=journey_page -DFROM=<folder of the sources> -DTO=<file.cpp> -P embed.cmake
cmake_minimum_required(VERSION 3.25)

# What a Content-Security-Policy calls a hash: the SHA-256 in base64 (RFC 4648), which CMake knows in hexadecimal only.
function(policy_hash text out)
  set(alphabet ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/)
  string(SHA256 digits "${text}")
  set(base64)
  foreach(at RANGE 0 59 6)  # 30 of the 32 bytes: ten times 3 bytes are 4 letters
    string(SUBSTRING ${digits} ${at} 6 three)
    foreach(shift 18 12 6 0)
      math(EXPR letter "(0x${three} >> ${shift}) & 63")
      string(SUBSTRING ${alphabet} ${letter} 1 letter)
      string(APPEND base64 ${letter})
    endforeach()
  endforeach()
  string(SUBSTRING ${digits} 60 4 two)
  foreach(shift 10 4 -2)
    if(shift LESS 0)
      math(EXPR letter "(0x${two} << 2) & 63")
    else()
      math(EXPR letter "(0x${two} >> ${shift}) & 63")
    endif()
    string(SUBSTRING ${alphabet} ${letter} 1 letter)
    string(APPEND base64 ${letter})
  endforeach()
  set(${out} "sha256-${base64}=" PARENT_SCOPE)
endfunction()

# file(READ) as text would lose a bracket or a semicolon in lists; as one quoted string it does not.
foreach(kind css js)
  file(READ ${FROM}/page.${kind} shared)
  file(READ ${FROM}/${PAGE}.${kind} own)
  set(${kind} "\n${shared}\n${own}")
  policy_hash("${${kind}}" ${kind}_hash)
endforeach()
file(READ ${FROM}/shell.html whole)
file(READ ${FROM}/${PAGE}.html body)
set(policy "default-src 'none'; script-src '${js_hash}'; style-src '${css_hash}'; base-uri 'none'; form-action 'none'")
string(REPLACE "{{POLICY}}" "${policy}" whole "${whole}")
string(REPLACE "{{STYLE}}" "${css}" whole "${whole}")
string(REPLACE "{{BODY}}" "${body}" whole "${whole}")
string(REPLACE "{{SCRIPT}}" "${js}" whole "${whole}")

get_filename_component(folder ${TO} DIRECTORY)
file(WRITE ${folder}/${PAGE}_template.html "${whole}")  # to look at
file(READ ${folder}/${PAGE}_template.html bytes HEX)
string(REGEX REPLACE "(................................)" "\\1\n" bytes "${bytes}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
file(WRITE ${TO} "// Made of src/page/${PAGE}.* by src/page/embed.cmake.
#include \"template.h\"

namespace postern::page {
namespace {
const unsigned char kBytes[] = {
${bytes}};
}  // namespace
std::string_view ${PAGE}_template() { return {reinterpret_cast<const char*>(kBytes), sizeof kBytes}; }
}  // namespace postern::page
")
