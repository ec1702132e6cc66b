#include "server/grpc_address.h"

#include <arpa/inet.h>

#include <charconv>

namespace footnote::server {
namespace {

bool IsLoopback(const std::string& host) {
  in_addr v4{};
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  in6_addr v6{};
  return inet_pton(AF_INET6, host.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

}  // namespace

std::string GrpcAddress::ToString() const {
  const bool is_v6 = host.find(':') != std::string::npos;
  return (is_v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

StatusOr<GrpcAddress> ParseLoopbackAddress(std::string_view text, std::string_view option) {
  const auto wrong = [&](std::string_view what) {
    return InvalidArgumentError(std::string(option) + " \"" + std::string(text.substr(0, 200)) +
                                "\" " + std::string(what));
  };
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    return wrong("has no port: write HOST:PORT, e.g. 127.0.0.1:50051");
  }
  GrpcAddress address;
  const std::string_view digits = text.substr(colon + 1);
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), address.port);
  if (error != std::errc() || end != digits.data() + digits.size() || address.port < 0 ||
      address.port > 65535) {
    return wrong("has no port between 0 and 65535: write HOST:PORT, e.g. 127.0.0.1:50051");
  }
  address.host = text.substr(0, colon);
  if (address.host == "localhost") address.host = "127.0.0.1";
  const bool bracketed =
      address.host.size() > 2 && address.host.front() == '[' && address.host.back() == ']';
  if (bracketed) address.host = address.host.substr(1, address.host.size() - 2);
  if ((address.host.find(':') != std::string::npos) != bracketed) {
    return wrong("is not HOST:PORT: write an IPv6 address in brackets, e.g. [::1]:50051");
  }
  if (!IsLoopback(address.host)) {
    return wrong(
        "is not an address of this machine alone: use 127.0.0.1, [::1] or localhost; other "
        "addresses are refused until identities exist");
  }
  return address;
}

}  // namespace footnote::server
