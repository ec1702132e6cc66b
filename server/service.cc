#include "server/service.h"

#include <unistd.h>

#include <atomic>
#include <fstream>
#include <thread>
#include <utility>

#include "server/admission.h"
#include "server/catalog.h"
#include "server/corpus_editor.h"
#include "server/grpc_server.h"
#include "server/http_api.h"
#include "server/http_server.h"
#include "server/import_spool.h"
#include "server/local_api.h"
#include "server/metrics.h"
#include "server/stack.h"

namespace footnote::server {
namespace fs = std::filesystem;
namespace {

double ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  double pages = 0;
  double resident = 0;
  statm >> pages >> resident;
  return resident * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

AdmissionLimits LimitsOf(const ServeConfig& config) {
  AdmissionLimits limits;
  limits.lanes[static_cast<size_t>(WorkKind::kAnswer)] = {config.answers_at_once,
                                                          config.answers_waiting};
  return limits;
}

class RunningService final : public Service {
 public:
  explicit RunningService(const ServeConfig& config) : config_(config) {}

  Status Build(const fs::path& home) {
    generator::ModelOptions model_options;
    model_options.threads = config_.threads;
    model_options.device = config_.device;
    model_options.gpu_layers = config_.gpu_layers;
    generator::EngineOptions engine;
    engine.kv_cache_bytes = int64_t{config_.kv_cache_mib} << 20;
    engine.guess_tokens = config_.guess_tokens;
    generator::ModelOptions generator_options = model_options;
    generator_options.template_family = config_.chat_template;
    FOOTNOTE_ASSIGN_OR_RETURN(generator_,
                              LoadGenerator(config_.generator, generator_options, engine));
    FOOTNOTE_ASSIGN_OR_RETURN(const std::shared_ptr<const EmbedderEntry> embedder,
                              LoadEmbedderEntry(config_.embedder, model_options));
    FOOTNOTE_ASSIGN_OR_RETURN(reranker_,
                              LoadReranker(config_.reranker, &generator_, {}, model_options));
    catalog_ = std::make_unique<Catalog>(
        home / "corpora", embedder, model_options,
        retriever::Reranking{reranker_.reranker.get(), config_.rerank_depth});
    editor_ = std::make_unique<CorpusEditor>(home / "corpora");
    LocalApiOptions api_options;
    api_options.trust_principals = config_.trust_principals;
    api_options.answers.max_answer_tokens = config_.max_answer_tokens;
    api_options.upload_folder = home / "uploads";
    ImportSpool::RemoveAbandoned(api_options.upload_folder);
    api_ = std::make_unique<LocalApi>(catalog_.get(), editor_.get(), &generator_, &metrics_,
                                      api_options);
    admission_ = std::make_unique<Admission>(LimitsOf(config_));
    Measure();
    // Open before the first question: loading an index takes longer than a search.
    FOOTNOTE_ASSIGN_OR_RETURN(const std::vector<std::string> corpora, catalog_->Names());
    for (const std::string& corpus : corpora) {
      const auto open = catalog_->Open(corpus);
      corpora_ += (corpora_.empty() ? "" : ", ") + corpus;
      // Others are served all the same; who asks this one hears why.
      if (!open.ok()) corpora_ += " (not usable: " + open.status().message() + ")";
    }
    FOOTNOTE_ASSIGN_OR_RETURN(
        grpc_, GrpcServer::Start({config_.grpc_listen}, api_.get(), admission_.get(), &metrics_));
    HttpOptions http_options;
    http_options.listen = config_.http_listen;
    http_options.on_connection = [this](int change) { metrics_.CountConnection("http", change); };
    HttpApiOptions transcoding;
    transcoding.ready = [this] { return !draining_; };
    FOOTNOTE_ASSIGN_OR_RETURN(
        http_, HttpServer::Start(http_options, MakeHttpApi(*api_, metrics_, std::move(transcoding)),
                                 *admission_));
    return OkStatus();
  }

  ~RunningService() override {
    // Calls must be gone before what they use.
    http_ = nullptr;
    grpc_ = nullptr;
    admission_ = nullptr;
  }

  std::string grpc_address() const override { return grpc_->address(); }
  std::string http_address() const override { return http_->address(); }

  std::string Description() const override {
    const auto on_device = [](const generator::ModelInfo& info) {
      std::string text = ", on " + info.device;
      if (!info.device_note.empty()) text += ": " + info.device_note;
      return text + "\n";
    };
    const EmbedderEntry& embedder = *catalog_->default_embedder();
    std::string text = "generator  " + generator_.info.name + " (" + generator_.info.architecture +
                       ")" + on_device(generator_.info);
    text += "embedder   " + embedder.embedder->name() + on_device(embedder.info);
    if (reranker_.reranker != nullptr) text += "reranker   " + reranker_.reranker->name() + "\n";
    text += "corpora    " + (corpora_.empty() ? "none yet" : corpora_);
    if (config_.trust_principals) {
      text += "\nprincipals that requests name are believed (--trust-principals)";
    }
    return text;
  }

  void Drain() override {
    draining_ = true;
    const std::chrono::milliseconds patience(config_.drain_timeout_ms);
    admission_->BeginDrain();
    std::jthread grpc([&] { grpc_->Drain(patience); });
    http_->Drain(patience);
  }

 private:
  void Measure() {
    generator::TextGenerator* generator = generator_.generator.get();
    const auto counter = [&](const char* name, const char* help,
                             int64_t generator::GeneratorStats::*member) {
      metrics_.AddCounter(name, help, "", "", [generator, member] {
        return static_cast<double>(generator->stats().*member);
      });
    };
    using Stats = generator::GeneratorStats;
    counter("footnote_prompt_tokens_total", "Prompt tokens of generations that ended",
            &Stats::prompt_tokens);
    counter("footnote_cached_prompt_tokens_total",
            "Of them, those whose keys and values were there already",
            &Stats::cached_prompt_tokens);
    counter("footnote_generated_tokens_total", "Tokens that were generated",
            &Stats::generated_tokens);
    counter("footnote_guessed_tokens_total",
            "Tokens that prompt lookup guessed and a pass computed beside others",
            &Stats::guessed_tokens);
    counter("footnote_accepted_tokens_total",
            "Of them, those that the model chose too: passes saved", &Stats::accepted_tokens);
    counter("footnote_tokens_not_generated_total",
            "Tokens that cancelled and late generations were still allowed",
            &Stats::tokens_not_generated);
    metrics_.AddGauge("footnote_generations_running", "Generations in the batch", "", "",
                      [generator] { return generator->stats().running; });
    metrics_.AddGauge("footnote_generations_waiting", "Generations that wait for the batch", "", "",
                      [generator] { return generator->stats().waiting; });
    for (int i = 0; i < kWorkKinds; ++i) {
      const auto kind = static_cast<WorkKind>(i);
      const std::string name(WorkKindName(kind));
      Admission* admission = admission_.get();
      metrics_.AddGauge("footnote_calls_running", "Calls that run", "kind", name,
                        [=] { return admission->load(kind).running; });
      metrics_.AddGauge("footnote_calls_queued", "Calls that wait for a thread", "kind", name,
                        [=] { return admission->load(kind).queued; });
      metrics_.AddCounter("footnote_calls_refused_total", "Calls refused by a full queue", "kind",
                          name, [=] { return static_cast<double>(admission->load(kind).refused); });
    }
    metrics_.AddGauge("process_resident_memory_bytes", "Resident memory", "", "", ResidentBytes);
  }

  const ServeConfig config_;
  Metrics metrics_;
  LoadedGenerator generator_;
  LoadedReranker reranker_;  // may use generator_
  std::unique_ptr<Catalog> catalog_;
  std::unique_ptr<CorpusEditor> editor_;
  std::unique_ptr<LocalApi> api_;
  std::unique_ptr<Admission> admission_;
  std::string corpora_;
  std::atomic<bool> draining_{false};
  std::unique_ptr<GrpcServer> grpc_;
  std::unique_ptr<HttpServer> http_;
};

}  // namespace

StatusOr<std::unique_ptr<Service>> Service::Start(const ServeConfig& config, const fs::path& home) {
  auto service = std::make_unique<RunningService>(config);
  FOOTNOTE_RETURN_IF_ERROR(service->Build(home));
  return std::unique_ptr<Service>(std::move(service));
}

}  // namespace footnote::server
