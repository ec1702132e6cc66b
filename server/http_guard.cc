#include "server/http_guard.h"

#include <charconv>
#include <optional>

namespace footnote::server {
namespace {

std::optional<uint32_t> ParseDecimal(std::string_view text, uint32_t most) {
  uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || value > most) {
    return std::nullopt;
  }
  return value;
}

// Four decimal numbers, the first 127. No shorter or octal forms: browsers send this one.
bool IsLoopbackIpv4(std::string_view host) {
  int parts = 0;
  for (;;) {
    const size_t dot = host.find('.');
    const auto part = ParseDecimal(host.substr(0, dot), 255);
    if (!part.has_value() || (parts == 0 && *part != 127)) return false;
    ++parts;
    if (dot == std::string_view::npos) return parts == 4;
    host.remove_prefix(dot + 1);
  }
}

}  // namespace

StatusOr<HostPort> ParseLoopbackAddress(std::string_view text) {
  const auto malformed = [&] {
    return InvalidArgumentError(Quoted(text) +
                                " is not an address: write HOST:PORT, e.g. 127.0.0.1:8080");
  };
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return malformed();
  const auto port = ParseDecimal(text.substr(colon + 1), 65535);
  std::string_view host = text.substr(0, colon);
  if (!port.has_value() || host.empty()) return malformed();
  const bool bracketed = host.front() == '[';
  if (bracketed) {
    if (host.back() != ']') return malformed();
    host = host.substr(1, host.size() - 2);
  }
  const bool loopback =
      bracketed ? host == "::1" : EqualsIgnoringCase(host, "localhost") || IsLoopbackIpv4(host);
  if (!loopback) {
    return InvalidArgumentError(Quoted(text) +
                                " is not a loopback address: only 127.0.0.1, [::1] and localhost "
                                "are served until callers have identities");
  }
  return HostPort{std::string(host), static_cast<uint16_t>(*port)};
}

GuardVerdict CheckCaller(const HttpRequest& request) {
  const auto is_this_server = [&](std::string_view authority) {
    const auto address = ParseLoopbackAddress(authority);
    return address.ok() && address->port == request.server_port;
  };
  const std::string port = std::to_string(request.server_port);
  if (request.CountHeader("host") != 1) {
    return {InvalidArgumentError("a request needs one Host header, e.g. Host: localhost:" + port),
            400};
  }
  const std::string_view host = request.Header("host");
  if (!is_this_server(host)) {
    return {PermissionDeniedError("this server is not " + Quoted(host) +
                                  ": it answers to localhost, 127.0.0.1 and [::1] with port " +
                                  port + " only"),
            421};
  }
  if (request.CountHeader("origin") > 0) {
    std::string_view origin = request.Header("origin");
    constexpr std::string_view kScheme = "http://";
    const bool ours = request.CountHeader("origin") == 1 && origin.substr(0, 7) == kScheme &&
                      is_this_server(origin.substr(kScheme.size()));
    if (!ours) {
      return {PermissionDeniedError("requests from pages of " + Quoted(origin) +
                                    " are not answered: open the server's own page"),
              403};
    }
  }
  return {};
}

}  // namespace footnote::server
