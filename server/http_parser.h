// Reads one HTTP request from bytes as they come. The only user of Boost.Beast is http_parser.cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "server/http_message.h"

namespace footnote::server {

class HttpParser {
 public:
  explicit HttpParser(size_t header_limit_bytes);
  ~HttpParser();
  HttpParser(const HttpParser&) = delete;
  HttpParser& operator=(const HttpParser&) = delete;

  struct Progress {
    size_t consumed_bytes = 0;
    Status status;        // an error is the end: the rest of the connection cannot be understood
    int http_status = 0;  // of the error
  };
  // Reads on; stops behind the head, once, and behind the request. What was not consumed comes
  // again, with more behind it. Not to be called once done().
  Progress Put(std::string_view bytes);

  bool head_done() const;
  bool done() const;

  // After the head:
  HttpRequest& request();
  bool keep_alive() const;
  std::optional<uint64_t> content_length() const;  // none: no body, or a chunked one

  // What came of the body since the last time, without its framing.
  std::string TakeBody();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace footnote::server
