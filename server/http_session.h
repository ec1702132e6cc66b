// One HTTP connection: reads requests, has them answered one after the other, writes the answers.
// Private to the HTTP server.
//
// All of it runs on the server's one I/O thread, so there are no locks; work threads reach a
// session only by posting to that thread (HttpExchange). An idle connection costs this object and a
// descriptor: it waits without a buffer.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "server/admission.h"
#include "server/http_exchange.h"
#include "server/http_handler.h"
#include "server/http_parser.h"
#include "server/http_server.h"

namespace footnote::server {

class HttpSession;

// What the sessions of one server share.
struct HttpContext {
  HttpContext(const HttpOptions& options, std::shared_ptr<HttpHandler> handler,
              Admission& admission)
      : limits(options.limits),
        on_connection(options.on_connection),
        handler(std::move(handler)),
        admission(admission) {}

  const HttpLimits limits;
  const std::function<void(int)> on_connection;
  const std::shared_ptr<HttpHandler> handler;
  Admission& admission;
  uint16_t port = 0;

  boost::asio::io_context io{1};
  std::unordered_set<std::shared_ptr<HttpSession>> sessions;
  std::vector<char> read_buffer = std::vector<char>(64 << 10);  // used within one handler at a time
  int busy = 0;                                                 // sessions with a request to answer
  bool draining = false;
  std::function<void()> on_idle;  // called once, while draining, when `busy` becomes 0
};

class HttpSession : public std::enable_shared_from_this<HttpSession> {
 public:
  using Clock = std::chrono::steady_clock;

  HttpSession(boost::asio::ip::tcp::socket socket, std::shared_ptr<HttpContext> context);

  void Start();
  // Answers whatever comes with `reply`, unread, and closes.
  void Refuse(HttpReply reply);

  // Ends what took too long; called about once a second.
  void CheckTimeouts(Clock::time_point now);
  // The answer that is being made will be the last one.
  void Drain();
  // Closes at once and cancels the call.
  void Close();

 private:
  enum class State {
    kHead,       // waits for a request, or is reading its head
    kBody,       // reads its body
    kAccepting,  // a piece of the body is with a work thread; reading waits
    kRunning,    // the call is answering; reading only watches for the client's leaving
    kReplying,   // the server's own reply is being written
    kLingering,  // all is said: reads and drops, so that the client sees the reply and not a reset
    kClosed,
  };

  void BeginRequest();
  void Proceed();
  bool Parse();
  void OnHead();
  void OnBody();
  void AcceptPiece();
  void OnAccepted(const Status& status);
  void Run();

  void Fail(const Status& status, int http_status);
  void Reply(const HttpReply& reply);
  void WriteSome();
  void OnFlushed();
  void AfterReply();
  void Linger();

  void WaitReadable();
  void OnReadable();
  void OnPeerClosed();
  void SetBusy(bool busy);

  // For work threads: calls its argument with this session on the I/O thread, or never when the
  // session is gone by then.
  std::function<void(std::function<void(HttpSession&)>)> Poster();

  boost::asio::ip::tcp::socket socket_;
  const std::shared_ptr<HttpContext> context_;
  State state_ = State::kHead;
  Clock::time_point deadline_;
  bool counted_ = false;
  bool busy_ = false;
  bool keep_alive_ = true;
  bool waiting_ = false;  // for the socket to be readable
  bool peer_closed_ = false;

  std::string pending_;  // read, not yet parsed
  std::optional<HttpParser> parser_;
  std::shared_ptr<HttpCall> call_;
  HttpCall::Needs needs_;
  std::string body_;
  uint64_t received_bytes_ = 0;  // of the body; in kLingering of what was dropped
  std::shared_ptr<HttpExchange> exchange_;

  std::string queued_;   // the server's own replies
  std::string writing_;  // what the kernel is being given
  size_t written_bytes_ = 0;
  bool write_pending_ = false;
  Clock::time_point last_write_;
};

}  // namespace footnote::server
