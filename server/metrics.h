// What /metrics shows: counters, gauges and histograms in Prometheus's text format.
//
// The one file that knows prometheus-cpp is metrics.cc. Threads: all methods may be called
// concurrently.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "common/status.h"

namespace footnote::server {

class Metrics {
 public:
  Metrics();
  ~Metrics();

  // A call ended. protocol: "grpc" or "http"; method: the rpc's name, "Ask".
  void ObserveCall(std::string_view protocol, std::string_view method, StatusCode code,
                   double seconds);

  // Open connections; `change` is 1 or -1.
  void CountConnection(std::string_view protocol, int change);

  // An answer's outcome: "answered", "NO_RELEVANT_CONTENT", "LOW_GROUNDING"; and when its first
  // verified sentence came (0: none did).
  void ObserveAnswer(std::string_view outcome, double first_sentence_seconds);

  // `read` is called at every Text(), for values that something else keeps.
  void AddGauge(const std::string& name, const std::string& help, const std::string& label,
                const std::string& label_value, std::function<double()> read);
  void AddCounter(const std::string& name, const std::string& help, const std::string& label,
                  const std::string& label_value, std::function<double()> read);

  // The page that Prometheus reads: text/plain; version=0.0.4.
  std::string Text();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace footnote::server
