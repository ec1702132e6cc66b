#include "server/http_message.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace footnote::server {
namespace {

// What every reply carries. The page needs nothing but its own files and the API beside it; nothing
// may frame it, and no other site may read what it gets.
constexpr std::string_view kSecurityHeaders =
    "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'\r\n"
    "X-Content-Type-Options: nosniff\r\n"
    "Referrer-Policy: no-referrer\r\n"
    "Cross-Origin-Opener-Policy: same-origin\r\n"
    "Cross-Origin-Resource-Policy: same-origin\r\n";

std::string_view ReasonPhrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 421:
      return "Misdirected Request";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 499:
      return "Client Closed Request";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Internal Server Error";
  }
}

char LowerAscii(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

void AppendHeader(std::string_view name, std::string_view value, std::string& out) {
  out.append(name).append(": ").append(value).append("\r\n");
}

}  // namespace

std::string_view HttpRequest::Header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return {};
}

int HttpRequest::CountHeader(std::string_view name) const {
  return static_cast<int>(std::count_if(headers.begin(), headers.end(),
                                        [&](const auto& header) { return header.first == name; }));
}

std::string WriteHead(const HttpReply& reply, HttpFraming framing, int version, bool keep_alive) {
  std::string out = "HTTP/1.1 " + std::to_string(reply.status) + " ";
  out.append(ReasonPhrase(reply.status)).append("\r\n");
  if (!reply.content_type.empty()) AppendHeader("Content-Type", reply.content_type, out);
  AppendHeader("Cache-Control", reply.cache_control, out);
  for (const auto& [name, value] : reply.headers) AppendHeader(name, value, out);
  out.append(kSecurityHeaders);
  switch (framing) {
    // 304 has no body, and a length would be that of the page it stands for.
    case HttpFraming::kLength:
      if (reply.status != 304) {
        AppendHeader("Content-Length", std::to_string(reply.body.size()), out);
      }
      break;
    case HttpFraming::kChunked:
      AppendHeader("Transfer-Encoding", "chunked", out);
      break;
    case HttpFraming::kClose:
      break;
  }
  if (!keep_alive) {
    AppendHeader("Connection", "close", out);
  } else if (version == 10) {
    AppendHeader("Connection", "keep-alive", out);
  }
  out.append("\r\n");
  return out;
}

int HttpStatusOf(StatusCode code) {
  switch (code) {
    case StatusCode::kOk:
      return 200;
    case StatusCode::kCancelled:
      return 499;
    case StatusCode::kInvalidArgument:
    case StatusCode::kFailedPrecondition:
    case StatusCode::kOutOfRange:
      return 400;
    case StatusCode::kUnauthenticated:
      return 401;
    case StatusCode::kPermissionDenied:
      return 403;
    case StatusCode::kNotFound:
      return 404;
    case StatusCode::kAlreadyExists:
    case StatusCode::kAborted:
      return 409;
    case StatusCode::kResourceExhausted:
      return 429;
    case StatusCode::kUnimplemented:
      return 501;
    case StatusCode::kUnavailable:
      return 503;
    case StatusCode::kDeadlineExceeded:
      return 504;
    case StatusCode::kUnknown:
    case StatusCode::kInternal:
    case StatusCode::kDataLoss:
      return 500;
  }
  return 500;
}

std::string ErrorJson(const Status& status, int http_status) {
  nlohmann::ordered_json error;
  error["code"] = http_status;
  error["status"] = StatusCodeName(status.code());
  error["message"] = status.message();
  nlohmann::ordered_json document;
  document["error"] = std::move(error);
  // A message may quote what the client sent, which need not be UTF-8.
  return document.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

HttpReply ErrorReply(const Status& status, int http_status) {
  HttpReply reply;
  reply.status = http_status;
  reply.body = ErrorJson(status, http_status) + "\n";
  if (http_status == 429 || http_status == 503) {
    // Whole seconds only; one where the refuser cannot tell.
    const int64_t seconds = (status.retry_after().count() + 999) / 1000;
    reply.headers.emplace_back("Retry-After", std::to_string(std::max<int64_t>(1, seconds)));
  }
  return reply;
}

HttpReply ErrorReply(const Status& status) {
  return ErrorReply(status, HttpStatusOf(status.code()));
}

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return LowerAscii(x) == LowerAscii(y); });
}

std::string Quoted(std::string_view text) {
  std::string quoted;
  quoted.reserve(text.size() + 2);
  quoted.push_back('"');
  quoted.append(text).push_back('"');
  return quoted;
}

std::string_view Trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

}  // namespace footnote::server
