#include "server/http_session.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <utility>

namespace footnote::server {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

// While a call runs, so much of what follows is read ahead; a client that sends more waits.
constexpr size_t kReadAheadBytes = 16 << 10;
// A piece is handed on when this much is there. With one read more it stays below the 1 MiB that
// HttpCall::Accept allows.
constexpr size_t kPieceBytes = 512 << 10;

// Given to the kernel at once: others get their turn while a large reply goes out.
constexpr size_t kWriteBytes = 256 << 10;

constexpr auto kNever = HttpSession::Clock::time_point::max();

// 67108864 -> "64 MiB".
std::string SizeName(uint64_t bytes) {
  constexpr uint64_t kMiB = 1 << 20;
  return bytes % kMiB == 0 ? std::to_string(bytes / kMiB) + " MiB"
                           : std::to_string(bytes) + " bytes";
}

}  // namespace

HttpSession::HttpSession(asio::ip::tcp::socket socket, std::shared_ptr<HttpContext> context)
    : socket_(std::move(socket)), context_(std::move(context)), deadline_(kNever) {
  error_code ignored;
  socket_.non_blocking(true, ignored);
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
}

void HttpSession::Start() {
  counted_ = true;
  if (context_->on_connection) context_->on_connection(1);
  BeginRequest();
}

void HttpSession::Refuse(HttpReply reply) { Reply(reply); }

// ---- reading ----

void HttpSession::BeginRequest() {
  state_ = State::kHead;
  SetBusy(false);
  parser_.reset();
  call_.reset();
  exchange_.reset();
  body_ = std::string();
  received_bytes_ = 0;
  keep_alive_ = true;
  deadline_ = Clock::now() + context_->limits.idle_timeout;
  Proceed();
}

// Parses what is there as far as the state allows, then waits for more.
void HttpSession::Proceed() {
  while ((state_ == State::kHead || state_ == State::kBody) && !pending_.empty()) {
    if (!Parse()) break;
  }
  if (pending_.empty()) pending_ = std::string();  // an idle connection keeps no buffer
  WaitReadable();
}

// False when the parser needs more bytes, or the request has failed.
bool HttpSession::Parse() {
  if (!parser_.has_value()) {
    parser_.emplace(context_->limits.header_bytes);
    deadline_ = Clock::now() + context_->limits.head_timeout;
  }
  const bool had_head = parser_->head_done();
  const HttpParser::Progress progress = parser_->Put(pending_);
  pending_.erase(0, progress.consumed_bytes);
  if (!progress.status.ok()) {
    keep_alive_ = false;  // where the next request would begin is unknown
    Fail(progress.status, progress.http_status);
    return false;
  }
  if (!had_head && parser_->head_done()) {
    OnHead();
  } else if (had_head) {
    OnBody();
  }
  return progress.consumed_bytes > 0;
}

void HttpSession::OnHead() {
  SetBusy(true);
  HttpRequest& head = parser_->request();
  head.server_port = context_->port;
  keep_alive_ = parser_->keep_alive() && !context_->draining;
  if (context_->draining) {
    return Fail(UnavailableError("the server is shutting down: try again when it is back"), 503);
  }
  HttpPlan plan = context_->handler->Begin(head);
  if (const auto* reply = std::get_if<HttpReply>(&plan)) return Reply(*reply);
  call_ = std::get<std::shared_ptr<HttpCall>>(std::move(plan));
  needs_ = call_->needs();
  state_ = State::kBody;
  received_bytes_ = parser_->content_length().value_or(0);
  if (received_bytes_ <= needs_.body_limit_bytes) {
    received_bytes_ = 0;
    // curl waits a second for this before it sends a large body.
    if (!parser_->done() && EqualsIgnoringCase(head.Header("expect"), "100-continue")) {
      queued_.append("HTTP/1.1 100 Continue\r\n\r\n");
      if (!write_pending_) WriteSome();
    }
  }
  OnBody();
}

void HttpSession::OnBody() {
  const std::string piece = parser_->TakeBody();
  received_bytes_ += piece.size();
  if (received_bytes_ > needs_.body_limit_bytes) {
    return Fail(InvalidArgumentError(needs_.body_limit_bytes == 0
                                         ? "this request takes no body"
                                         : "the request's body is larger than " +
                                               SizeName(needs_.body_limit_bytes) +
                                               ", the limit of this call: send less, and index "
                                               "large files with `footnote index`"),
                413);
  }
  body_.append(piece);
  deadline_ = Clock::now() + context_->limits.body_timeout;
  if (parser_->done()) return Run();
  if (needs_.body_in_pieces && body_.size() >= kPieceBytes) AcceptPiece();
}

void HttpSession::AcceptPiece() {
  state_ = State::kAccepting;
  deadline_ = kNever;
  // Quick work even when what follows is long: it does not wait behind other writes.
  const Status submitted = context_->admission.Submit(
      WorkKind::kRead, [call = call_, piece = std::exchange(body_, {}), post = Poster()]() mutable {
        const Status status = call->Accept(std::move(piece));
        call.reset();
        post([status](HttpSession& session) { session.OnAccepted(status); });
      });
  if (!submitted.ok()) Fail(submitted, HttpStatusOf(submitted.code()));
}

void HttpSession::OnAccepted(const Status& status) {
  if (state_ != State::kAccepting) return;
  if (!status.ok()) return Fail(status, HttpStatusOf(status.code()));
  state_ = State::kBody;
  deadline_ = Clock::now() + context_->limits.body_timeout;
  Proceed();
}

void HttpSession::Run() {
  state_ = State::kRunning;
  deadline_ = kNever;
  HttpExchange::Options options;
  options.version = parser_->request().version;
  options.keep_alive = keep_alive_;
  options.queue_bytes = context_->limits.queue_bytes;
  options.patience = context_->limits.queue_patience;
  exchange_ = std::make_shared<HttpExchange>(options, [post = Poster()] {
    post([](HttpSession& session) {
      if (session.state_ != State::kRunning) return;
      if (session.exchange_->overflowed()) return session.Close();
      if (!session.write_pending_) session.WriteSome();
    });
  });
  const Status submitted = context_->admission.Submit(
      needs_.kind, [call = call_, exchange = exchange_, body = std::exchange(body_, {})]() mutable {
        Status status = exchange->call().Check();  // the client may have left while this waited
        if (status.ok() && !body.empty()) status = call->Accept(std::move(body));
        if (status.ok()) {
          call->Run(exchange->call(), *exchange);
        } else {
          call->Refused(status.code());
          exchange->Fail(status);
        }
        call.reset();
        exchange->Finish();
      });
  if (!submitted.ok()) {
    exchange_.reset();
    return Fail(submitted, HttpStatusOf(submitted.code()));
  }
  call_.reset();
}

// ---- writing ----

void HttpSession::Fail(const Status& status, int http_status) {
  if (call_ != nullptr) std::exchange(call_, nullptr)->Refused(status.code());
  Reply(ErrorReply(status, http_status));
}

// Ends the request with a reply of the server's own.
void HttpSession::Reply(const HttpReply& reply) {
  state_ = State::kReplying;
  deadline_ = kNever;
  int version = 11;
  bool with_body = true;
  if (parser_.has_value() && parser_->head_done()) {
    version = parser_->request().version;
    with_body = parser_->request().method != "HEAD";
  }
  // What was not read would be taken for the next request.
  if (!parser_.has_value() || !parser_->done()) keep_alive_ = false;
  queued_.append(WriteHead(reply, HttpFraming::kLength, version, keep_alive_));
  if (with_body && reply.status != 304) queued_.append(reply.body);
  if (!write_pending_) WriteSome();
}

void HttpSession::WriteSome() {
  if (written_bytes_ == writing_.size()) {
    written_bytes_ = 0;
    writing_ = std::exchange(queued_, {});
    if (writing_.empty() && exchange_ != nullptr) writing_ = exchange_->Take();
    if (writing_.empty()) return OnFlushed();
    last_write_ = Clock::now();
  }
  write_pending_ = true;
  socket_.async_write_some(asio::buffer(writing_.data() + written_bytes_,
                                        std::min(writing_.size() - written_bytes_, kWriteBytes)),
                           [self = shared_from_this()](error_code error, size_t bytes) {
                             self->write_pending_ = false;
                             if (self->state_ == State::kClosed) return;
                             if (error) return self->Close();
                             self->written_bytes_ += bytes;
                             self->last_write_ = Clock::now();
                             if (self->exchange_ != nullptr) self->exchange_->Written(bytes);
                             self->WriteSome();
                           });
}

void HttpSession::OnFlushed() {
  if (state_ == State::kReplying) return AfterReply();
  if (state_ == State::kRunning && exchange_->finished()) {
    keep_alive_ = exchange_->keep_alive();
    AfterReply();
  }
}

void HttpSession::AfterReply() {
  if (keep_alive_ && !peer_closed_) {
    BeginRequest();
  } else {
    Linger();
  }
}

void HttpSession::Linger() {
  if (peer_closed_) return Close();
  state_ = State::kLingering;
  SetBusy(false);
  parser_.reset();
  call_.reset();
  exchange_.reset();
  pending_ = std::string();
  body_ = std::string();
  received_bytes_ = 0;
  deadline_ = Clock::now() + context_->limits.linger_timeout;
  error_code ignored;
  socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
  WaitReadable();
}

// ---- the socket ----

void HttpSession::WaitReadable() {
  if (waiting_ || peer_closed_) return;
  switch (state_) {
    case State::kHead:
    case State::kBody:
    case State::kLingering:
      break;
    case State::kRunning:
    case State::kReplying:
      if (pending_.size() >= kReadAheadBytes) return;
      break;
    case State::kAccepting:
    case State::kClosed:
      return;
  }
  waiting_ = true;
  socket_.async_wait(asio::ip::tcp::socket::wait_read,
                     [self = shared_from_this()](error_code error) {
                       self->waiting_ = false;
                       if (self->state_ == State::kClosed) return;
                       if (error) return self->Close();
                       self->OnReadable();
                     });
}

void HttpSession::OnReadable() {
  if (state_ == State::kAccepting) return;  // goes on in OnAccepted
  error_code error;
  const size_t bytes = socket_.read_some(asio::buffer(context_->read_buffer), error);
  if (error == asio::error::would_block || error == asio::error::try_again) return WaitReadable();
  if (error) return OnPeerClosed();
  if (state_ == State::kLingering) {
    received_bytes_ += bytes;
    if (received_bytes_ > context_->limits.linger_bytes) return Close();
    return WaitReadable();
  }
  pending_.append(context_->read_buffer.data(), bytes);
  Proceed();
}

// The client has closed, or will send nothing more: whoever waits for an answer keeps both ways
// open.
void HttpSession::OnPeerClosed() {
  peer_closed_ = true;
  const bool answer_is_on_its_way =
      state_ == State::kReplying || (state_ == State::kRunning && exchange_->finished());
  if (!answer_is_on_its_way) Close();
}

void HttpSession::CheckTimeouts(Clock::time_point now) {
  if (write_pending_ && now - last_write_ >= context_->limits.write_timeout) return Close();
  if (now < deadline_) return;
  const bool reading = state_ == State::kBody || (state_ == State::kHead && parser_.has_value());
  if (!reading) return Close();
  Fail(DeadlineExceededError("the request did not arrive in time"), 408);
}

void HttpSession::Drain() {
  // A reply on its way may have promised the client another one, which will be 503.
  if (state_ != State::kReplying) keep_alive_ = false;
  if (exchange_ != nullptr) exchange_->CloseAfter();
}

void HttpSession::Close() {
  if (state_ == State::kClosed) return;
  state_ = State::kClosed;
  if (exchange_ != nullptr) exchange_->Abandon();
  exchange_.reset();
  call_.reset();
  SetBusy(false);
  error_code ignored;
  socket_.close(ignored);
  if (counted_ && context_->on_connection) context_->on_connection(-1);
  context_->sessions.erase(shared_from_this());
}

void HttpSession::SetBusy(bool busy) {
  if (busy == busy_) return;
  busy_ = busy;
  context_->busy += busy ? 1 : -1;
  if (context_->busy == 0 && context_->draining && context_->on_idle) {
    std::exchange(context_->on_idle, nullptr)();
  }
}

std::function<void(std::function<void(HttpSession&)>)> HttpSession::Poster() {
  return [context = context_, weak = weak_from_this()](std::function<void(HttpSession&)> work) {
    asio::post(context->io, [weak, work = std::move(work)] {
      if (const auto session = weak.lock()) work(*session);
    });
  };
}

}  // namespace footnote::server
