// The HTTP side of `footnote serve`: accepts connections on a loopback address and has requests
// answered by an HttpHandler.
//
// One I/O thread reads and writes for all connections; work runs on threads of Admission. Requests
// of one connection are answered one after the other, in order, also when they were sent at once.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "common/status.h"
#include "server/admission.h"
#include "server/http_handler.h"

namespace footnote::server {

struct HttpLimits {
  int connections = 4096;  // one more is answered with 503 and closed
  size_t header_bytes = 16 << 10;
  // Of an answer, beyond what the kernel took. A call that finds the queue full waits for
  // queue_patience; if the client takes nothing by then, it is dropped and its call cancelled.
  size_t queue_bytes = 256 << 10;
  std::chrono::milliseconds queue_patience{1000};

  std::chrono::milliseconds head_timeout{30'000};   // from a head's first byte to its last
  std::chrono::milliseconds body_timeout{30'000};   // without a further byte
  std::chrono::milliseconds write_timeout{30'000};  // without the client taking a byte
  std::chrono::milliseconds idle_timeout{120'000};  // between requests
  // After a connection's last reply what the client still sends is read and dropped: closing at
  // once would destroy the reply on its way. So much, and so long.
  uint64_t linger_bytes = 128 << 20;
  std::chrono::milliseconds linger_timeout{5'000};
};

struct HttpOptions {
  std::string listen = "127.0.0.1:8080";  // a loopback address; port 0: one that is free
  HttpLimits limits;
  // A connection was opened (1) or closed (-1); on the I/O thread.
  std::function<void(int)> on_connection;
};

class HttpServer {
 public:
  // Listens, and answers from now on. `admission` outlives the server. Raises the process's soft
  // limit of open files to what the connections need, as far as the hard limit allows.
  // Errors: INVALID_ARGUMENT (not an address, or not a loopback one), UNAVAILABLE (port in use).
  static StatusOr<std::unique_ptr<HttpServer>> Start(const HttpOptions& options,
                                                     std::shared_ptr<HttpHandler> handler,
                                                     Admission& admission);
  // Closes all connections and cancels their calls, without patience. What the calls use must live
  // until `admission` is idle.
  ~HttpServer();

  uint16_t port() const;
  // "127.0.0.1:8080"
  const std::string& address() const;

  // Accepts no connection any more, answers new requests with 503, and waits until the answers
  // being made are sent, at most for `patience`; then closes everything. Blocks; not on the I/O
  // thread. False when calls had to be cancelled.
  bool Drain(std::chrono::milliseconds patience);

 private:
  struct State;
  explicit HttpServer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace footnote::server
