// What travels over an HTTP connection, whatever library reads it, and how a Status looks there.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/status.h"

namespace footnote::server {

// The head of a request. The body follows it: see HttpCall::Accept.
struct HttpRequest {
  std::string method;                                        // "GET"
  std::string path;                                          // as sent, percent-encoded
  std::string query;                                         // what follows '?', as sent
  int version = 11;                                          // 10 or 11
  std::vector<std::pair<std::string, std::string>> headers;  // in order, names in lower case
  uint16_t server_port = 0;                                  // that the request came to

  // The first value of a header, or "". `name` is in lower case.
  std::string_view Header(std::string_view name) const;
  int CountHeader(std::string_view name) const;
};

struct HttpReply {
  int status = 200;
  std::string content_type = "application/json";
  std::string cache_control = "no-store";
  // Beside Content-Length, Connection and the security headers, which every reply has.
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

// How the end of a reply's body is told.
enum class HttpFraming {
  kLength,   // Content-Length
  kChunked,  // a stream, HTTP/1.1
  kClose,    // a stream, HTTP/1.0: by closing the connection
};

// The status line and all headers, with the empty line.
std::string WriteHead(const HttpReply& reply, HttpFraming framing, int version, bool keep_alive);

// The usual mapping of google.rpc.Code: NOT_FOUND is 404.
int HttpStatusOf(StatusCode code);

// {"error":{"code":404,"status":"NOT_FOUND","message":"..."}}
std::string ErrorJson(const Status& status, int http_status);
HttpReply ErrorReply(const Status& status, int http_status);
HttpReply ErrorReply(const Status& status);

bool EqualsIgnoringCase(std::string_view a, std::string_view b);
// "text", with the quotation marks.
std::string Quoted(std::string_view text);
// Without spaces and tabs at both ends.
std::string_view Trimmed(std::string_view text);

}  // namespace footnote::server
