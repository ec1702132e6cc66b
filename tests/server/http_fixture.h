// A server on a free port of 127.0.0.1, over an Api that the test scripts.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "server/http_api.h"
#include "server/http_server.h"
#include "tests/server/http_client.h"
#include "tests/testing/scripted_api.h"
#include "tests/testing/status_matchers.h"

namespace footnote::testing {

inline int64_t ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  int64_t total = 0;
  int64_t resident = 0;
  statm >> total >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

// What the process holds now must not be much more than it was. Sanitizers keep what was freed.
inline void ExpectGrewAtMost(int64_t bytes, int64_t before) {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  EXPECT_LT(ResidentBytes() - before, bytes);
#else
  (void)bytes, (void)before;
#endif
}

class HttpFixture : public ::testing::Test {
 public:
  ~HttpFixture() override {
    if (server != nullptr) server->Drain(std::chrono::seconds(0));
  }

  // After the test has scripted `api` and set `options`.
  void Start(server::AdmissionLimits admission_limits = {}) {
    options.listen = "127.0.0.1:0";
    admission = std::make_unique<server::Admission>(admission_limits);
    auto started =
        server::HttpServer::Start(options, MakeHttpApi(api, metrics, api_options), *admission);
    ASSERT_OK(started);
    server = *std::move(started);
  }
  uint16_t port() const { return server->port(); }

  // Waits until `condition` holds; false when it does not within ten seconds.
  template <typename Condition>
  static bool Eventually(Condition condition) {
    for (int i = 0; i < 1000; ++i) {
      if (condition()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }

  ScriptedApi api;
  server::Metrics metrics;
  server::HttpApiOptions api_options;
  server::HttpOptions options;
  std::unique_ptr<server::Admission> admission;  // ends before the api that its work uses
  std::unique_ptr<server::HttpServer> server;
};

}  // namespace footnote::testing
