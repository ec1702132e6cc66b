#include "server/http_server.h"

#include <sys/resource.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <future>
#include <thread>
#include <utility>

#include "server/http_guard.h"
#include "server/http_session.h"

namespace footnote::server {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

// Sessions that only say "too many connections", beyond the limit; more are closed without a word.
constexpr size_t kRefusingSessions = 64;

Status ListenError(const std::string& address, const error_code& error) {
  std::string reason = error.message();
  if (!reason.empty() && reason[0] >= 'A' && reason[0] <= 'Z') reason[0] += 'a' - 'A';
  return UnavailableError("cannot listen on " + address + ": " + reason +
                          "; choose another with --http");
}

// The usual soft limit, 1,024, is below what we promise; the hard one is not.
void RaiseOpenFileLimit(int connections) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  const rlim_t wanted = static_cast<rlim_t>(connections) + 1024;
  if (limit.rlim_cur >= wanted) return;
  limit.rlim_cur = std::min(wanted, limit.rlim_max);
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

struct HttpServer::State {
  explicit State(std::shared_ptr<HttpContext> the_context)
      : context(std::move(the_context)),
        acceptor(context->io),
        ticker(context->io),
        retry(context->io),
        work(asio::make_work_guard(context->io)) {}

  Status Listen(const std::string& listen);
  void Accept();
  void Admit(tcp::socket socket);
  void Tick();
  bool Stop(std::chrono::milliseconds patience);

  const std::shared_ptr<HttpContext> context;
  std::string address;
  tcp::acceptor acceptor;
  asio::steady_timer ticker;
  asio::steady_timer retry;
  asio::executor_work_guard<asio::io_context::executor_type> work;
  std::thread thread;
  bool stopping = false;  // of the I/O thread
};

Status HttpServer::State::Listen(const std::string& listen) {
  FOOTNOTE_ASSIGN_OR_RETURN(HostPort parsed, ParseLoopbackAddress(listen));
  if (EqualsIgnoringCase(parsed.host, "localhost")) parsed.host = "127.0.0.1";
  error_code error;
  const auto ip = asio::ip::make_address(parsed.host, error);
  if (error) return ListenError(listen, error);
  const tcp::endpoint endpoint(ip, parsed.port);
  acceptor.open(endpoint.protocol(), error);
  // So that a restart does not have to wait for the connections that its predecessor closed.
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) return ListenError(listen, error);
  const tcp::endpoint bound = acceptor.local_endpoint(error);
  if (error) return ListenError(listen, error);
  context->port = bound.port();
  address =
      (ip.is_v6() ? "[" + parsed.host + "]" : parsed.host) + ":" + std::to_string(context->port);
  return OkStatus();
}

void HttpServer::State::Accept() {
  acceptor.async_accept([this](error_code error, tcp::socket socket) {
    if (!acceptor.is_open()) return;
    if (!error) {
      Admit(std::move(socket));
      return Accept();
    }
    // Out of descriptors, most likely: asking again at once would burn the processor.
    retry.expires_after(std::chrono::milliseconds(100));
    retry.async_wait([this](error_code cancelled) {
      if (!cancelled && acceptor.is_open()) Accept();
    });
  });
}

void HttpServer::State::Admit(tcp::socket socket) {
  const auto limit = static_cast<size_t>(context->limits.connections);
  if (context->sessions.size() >= limit + kRefusingSessions) return;
  const bool full = context->sessions.size() >= limit;
  const auto session = std::make_shared<HttpSession>(std::move(socket), context);
  context->sessions.insert(session);
  if (full) {
    session->Refuse(ErrorReply(
        ResourceExhaustedError("too many connections are open (" + std::to_string(limit) + ")"),
        503));
  } else {
    session->Start();
  }
}

void HttpServer::State::Tick() {
  const HttpLimits& limits = context->limits;
  const auto shortest = std::min({limits.head_timeout, limits.body_timeout, limits.write_timeout,
                                  limits.idle_timeout, limits.linger_timeout});
  ticker.expires_after(
      std::clamp(shortest / 4, std::chrono::milliseconds(10), std::chrono::milliseconds(1000)));
  ticker.async_wait([this](error_code cancelled) {
    if (cancelled || stopping) return;
    // A copy: closing takes a session out of the set.
    const std::vector<std::shared_ptr<HttpSession>> sessions(context->sessions.begin(),
                                                             context->sessions.end());
    const auto now = HttpSession::Clock::now();
    for (const auto& session : sessions) session->CheckTimeouts(now);
    Tick();
  });
}

bool HttpServer::State::Stop(std::chrono::milliseconds patience) {
  if (!thread.joinable()) return true;
  std::promise<void> idle;
  asio::post(context->io, [&] {
    error_code ignored;
    acceptor.close(ignored);
    retry.cancel();
    context->draining = true;
    for (const auto& session : context->sessions) session->Drain();
    if (context->busy == 0) {
      idle.set_value();
    } else {
      context->on_idle = [&] { idle.set_value(); };
    }
  });
  const bool all_answered = idle.get_future().wait_for(patience) == std::future_status::ready;
  asio::post(context->io, [&] {
    context->on_idle = nullptr;
    stopping = true;  // cancelling does not reach a timer that is just due
    ticker.cancel();
    const std::vector<std::shared_ptr<HttpSession>> sessions(context->sessions.begin(),
                                                             context->sessions.end());
    for (const auto& session : sessions) session->Close();
    work.reset();  // the thread ends once the handlers of what was closed have run
  });
  thread.join();
  return all_answered;
}

HttpServer::HttpServer(std::unique_ptr<State> state) : state_(std::move(state)) {}

HttpServer::~HttpServer() { state_->Stop(std::chrono::milliseconds(0)); }

StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(const HttpOptions& options,
                                                        std::shared_ptr<HttpHandler> handler,
                                                        Admission& admission) {
  auto state = std::make_unique<State>(
      std::make_shared<HttpContext>(options, std::move(handler), admission));
  FOOTNOTE_RETURN_IF_ERROR(state->Listen(options.listen));
  RaiseOpenFileLimit(options.limits.connections);
  state->Accept();
  state->Tick();
  state->thread = std::thread([context = state->context] { context->io.run(); });
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(state)));
}

uint16_t HttpServer::port() const { return state_->context->port; }
const std::string& HttpServer::address() const { return state_->address; }

bool HttpServer::Drain(std::chrono::milliseconds patience) { return state_->Stop(patience); }

}  // namespace footnote::server
