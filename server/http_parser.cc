#include "server/http_parser.h"

#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>
#include <utility>

namespace footnote::server {
namespace {

namespace http = boost::beast::http;
using boost::beast::string_view;
using ErrorCode = boost::beast::error_code;

std::string_view View(string_view text) { return {text.data(), text.size()}; }

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

class BeastParser final : public http::basic_parser<true> {
 public:
  explicit BeastParser(size_t limit_bytes) : limit_bytes_(limit_bytes) {
    header_limit(static_cast<uint32_t>(limit_bytes));
    body_limit(boost::none);  // what a body may hold depends on its path
  }

  HttpRequest request;
  std::string body;
  bool encoding_known = true;

 private:
  void on_request_impl(http::verb, string_view method, string_view target, int version,
                       ErrorCode&) override {
    request.method = method;
    request.version = version;
    const std::string_view text = View(target);
    const size_t question_mark = std::min(text.find('?'), text.size());
    request.path = text.substr(0, question_mark);
    request.query = text.substr(std::min(question_mark + 1, text.size()));
    header_bytes_ += method.size() + target.size();
  }

  void on_field_impl(http::field field, string_view name, string_view value,
                     ErrorCode& error) override {
    // Beast's limit holds for what it is given at once, not for headers that come line by line.
    header_bytes_ += name.size() + value.size() + 4;
    if (header_bytes_ > limit_bytes_) {
      error = http::error::header_limit;
      return;
    }
    if (is_header_done()) return;  // a trailer changes nothing that was already decided
    if (field == http::field::transfer_encoding && !EqualsIgnoringCase(View(value), "chunked")) {
      encoding_known = false;
    }
    request.headers.emplace_back(Lower(View(name)), View(value));
  }

  void on_header_impl(ErrorCode& error) override {
    // HTTP/1.0 knows no chunks: whoever sends both means to confuse.
    if (!encoding_known || (chunked() && request.version == 10)) {
      error = http::error::bad_transfer_encoding;
    }
  }

  size_t on_body_impl(string_view piece, ErrorCode&) override {
    body.append(piece.data(), piece.size());
    return piece.size();
  }
  size_t on_chunk_body_impl(uint64_t, string_view piece, ErrorCode&) override {
    body.append(piece.data(), piece.size());
    return piece.size();
  }

  void on_response_impl(int, string_view, int, ErrorCode&) override {}
  void on_body_init_impl(const boost::optional<uint64_t>&, ErrorCode&) override {}
  void on_chunk_header_impl(uint64_t, string_view, ErrorCode&) override {}
  void on_finish_impl(ErrorCode&) override {}

  size_t limit_bytes_;
  size_t header_bytes_ = 0;
};

}  // namespace

struct HttpParser::State {
  explicit State(size_t header_limit_bytes)
      : parser(header_limit_bytes), limit_bytes(header_limit_bytes) {}
  BeastParser parser;
  size_t limit_bytes;
};

HttpParser::HttpParser(size_t header_limit_bytes)
    : state_(std::make_unique<State>(header_limit_bytes)) {}
HttpParser::~HttpParser() = default;

HttpParser::Progress HttpParser::Put(std::string_view bytes) {
  BeastParser& parser = state_->parser;
  Progress progress;
  ErrorCode error;
  parser.eager(parser.is_header_done());
  progress.consumed_bytes =
      parser.put(boost::asio::const_buffer(bytes.data(), bytes.size()), error);

  if (error == http::error::need_more) {
    error = {};
    // A line that never ends, in a chunk's head or a trailer.
    if (bytes.size() - progress.consumed_bytes > state_->limit_bytes) {
      error = http::error::header_limit;
    }
  }
  if (!error) return progress;
  if (error == http::error::header_limit) {
    progress.http_status = 431;
    progress.status = InvalidArgumentError("the request's headers are larger than " +
                                           std::to_string(state_->limit_bytes) + " bytes");
  } else if (error == http::error::bad_version) {
    progress.http_status = 505;
    progress.status = InvalidArgumentError("only HTTP/1.0 and HTTP/1.1 are spoken here");
  } else if (!parser.encoding_known) {
    progress.http_status = 501;
    progress.status =
        UnimplementedError("of the transfer encodings only \"chunked\" is understood");
  } else {
    progress.http_status = 400;
    progress.status =
        InvalidArgumentError("this is not a well-formed HTTP request: " + error.message());
  }
  return progress;
}

bool HttpParser::head_done() const { return state_->parser.is_header_done(); }
bool HttpParser::done() const { return state_->parser.is_done(); }
HttpRequest& HttpParser::request() { return state_->parser.request; }
bool HttpParser::keep_alive() const { return state_->parser.keep_alive(); }

std::optional<uint64_t> HttpParser::content_length() const {
  const auto length = state_->parser.content_length();
  if (!length.has_value()) return std::nullopt;
  return *length;
}

std::string HttpParser::TakeBody() { return std::exchange(state_->parser.body, {}); }

}  // namespace footnote::server
