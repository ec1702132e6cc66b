// The gRPC side of `footnote serve`: the services of footnote.v1, health and reflection on one
// port.
//
// Plain text and on this machine only, until identities exist. No gRPC types here.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "common/status.h"
#include "server/admission.h"
#include "server/api.h"
#include "server/metrics.h"

namespace footnote::server {

struct GrpcOptions {
  std::string listen = "127.0.0.1:50051";  // HOST:PORT of this machine; port 0: any that is free
};

// Threads: all methods may be called concurrently.
class GrpcServer {
 public:
  // Answers calls when it returns. `api`, `admission` and `metrics` outlive the server. Errors:
  // INVALID_ARGUMENT (not a loopback address), UNAVAILABLE (the port is taken).
  static StatusOr<std::unique_ptr<GrpcServer>> Start(const GrpcOptions& options, Api* api,
                                                     Admission* admission, Metrics* metrics);
  // As Drain without patience.
  ~GrpcServer();

  int port() const;
  // With the port that was picked: "127.0.0.1:50051".
  std::string address() const;

  // Health turns to NOT_SERVING, new calls are refused, calls that run may end by themselves; after
  // `patience` they are cancelled. Returns when all have ended. Once is enough; again does nothing.
  void Drain(std::chrono::milliseconds patience);

 private:
  struct State;
  explicit GrpcServer(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace footnote::server
