// MD5 (RFC 1321): puts questions into an order that everybody can repeat, and nothing else. Not for
// anything that somebody could want to forge.
#pragma once

#include <string>
#include <string_view>

namespace footnote::server {

// Lower-case hex digest of `bytes`.
std::string Md5Hex(std::string_view bytes);

}  // namespace footnote::server
