#include "server/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <map>
#include <mutex>
#include <utility>
#include <vector>

namespace footnote::server {
namespace {

// From a search in the page cache to an answer of a large model on two cores.
const prometheus::Histogram::BucketBoundaries kSeconds = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
                                                          1,     2.5,  5,     10,   30,  60};

// A value that something else keeps, read when the page is made.
struct ReadValue {
  std::string help;
  prometheus::MetricType type;
  struct Line {
    std::string label;
    std::string label_value;
    std::function<double()> read;
  };
  std::vector<Line> lines;
};

}  // namespace

struct Metrics::State {
  prometheus::Registry registry;
  prometheus::Family<prometheus::Counter>& calls =
      prometheus::BuildCounter()
          .Name("footnote_calls_total")
          .Help("Calls that ended, by protocol, method and status code")
          .Register(registry);
  prometheus::Family<prometheus::Histogram>& call_seconds =
      prometheus::BuildHistogram()
          .Name("footnote_call_duration_seconds")
          .Help("Time from a call's arrival to its end")
          .Register(registry);
  prometheus::Family<prometheus::Gauge>& connections = prometheus::BuildGauge()
                                                           .Name("footnote_connections")
                                                           .Help("Open connections")
                                                           .Register(registry);
  prometheus::Family<prometheus::Counter>& answers =
      prometheus::BuildCounter()
          .Name("footnote_answers_total")
          .Help("Answers by outcome: answered, or the reason for abstaining")
          .Register(registry);
  prometheus::Histogram& first_sentence =
      prometheus::BuildHistogram()
          .Name("footnote_first_sentence_seconds")
          .Help("Time from a question's arrival to its first verified sentence")
          .Register(registry)
          .Add({}, kSeconds);
  std::mutex mutex;  // guards read_values
  std::map<std::string, ReadValue> read_values;

  void Add(prometheus::MetricType type, const std::string& name, const std::string& help,
           const std::string& label, const std::string& label_value, std::function<double()> read) {
    const std::lock_guard lock(mutex);
    ReadValue& value = read_values[name];
    value.help = help;
    value.type = type;
    value.lines.push_back({label, label_value, std::move(read)});
  }
};

Metrics::Metrics() : state_(std::make_unique<State>()) {}
Metrics::~Metrics() = default;

void Metrics::ObserveCall(std::string_view protocol, std::string_view method, StatusCode code,
                          double seconds) {
  const prometheus::Labels labels = {{"protocol", std::string(protocol)},
                                     {"method", std::string(method)}};
  state_->call_seconds.Add(labels, kSeconds).Observe(seconds);
  prometheus::Labels with_code = labels;
  with_code["code"] = code == StatusCode::kOk ? "OK" : std::string(StatusCodeName(code));
  state_->calls.Add(with_code).Increment();
}

void Metrics::CountConnection(std::string_view protocol, int change) {
  state_->connections.Add({{"protocol", std::string(protocol)}}).Increment(change);
}

void Metrics::ObserveAnswer(std::string_view outcome, double first_sentence_seconds) {
  state_->answers.Add({{"outcome", std::string(outcome)}}).Increment();
  if (first_sentence_seconds > 0) state_->first_sentence.Observe(first_sentence_seconds);
}

void Metrics::AddGauge(const std::string& name, const std::string& help, const std::string& label,
                       const std::string& label_value, std::function<double()> read) {
  state_->Add(prometheus::MetricType::Gauge, name, help, label, label_value, std::move(read));
}

void Metrics::AddCounter(const std::string& name, const std::string& help, const std::string& label,
                         const std::string& label_value, std::function<double()> read) {
  state_->Add(prometheus::MetricType::Counter, name, help, label, label_value, std::move(read));
}

std::string Metrics::Text() {
  std::vector<prometheus::MetricFamily> families = state_->registry.Collect();
  {
    const std::lock_guard lock(state_->mutex);
    for (const auto& [name, value] : state_->read_values) {
      prometheus::MetricFamily family;
      family.name = name;
      family.help = value.help;
      family.type = value.type;
      for (const ReadValue::Line& line : value.lines) {
        prometheus::ClientMetric metric;
        if (!line.label.empty()) metric.label.push_back({line.label, line.label_value});
        metric.gauge.value = line.read();
        metric.counter.value = metric.gauge.value;
        family.metric.push_back(std::move(metric));
      }
      families.push_back(std::move(family));
    }
  }
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace footnote::server
