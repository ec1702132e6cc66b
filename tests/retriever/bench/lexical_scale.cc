// How lexical search grows with the size of a corpus: builds corpora of ever more chunks from the
// chunks of real ones, with variation and without vectors, and times queries.
//
// usage: lexical_scale --base CORPUS_FOLDER… --queries QUERIES.jsonl --rows 100000,1000000 --work
// FOLDER [--keep 1]
//
// A tenth of the words and all numbers of each chunk are others than in the base corpora, as in
// corpus_scale. "first": of an asker whose rows were not counted yet, and with no list in memory.
// --keep 1 leaves the corpora in the work folder, where the next run finds them.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <random>

#include "common/sha256.h"
#include "retriever/corpus_writer.h"
#include "retriever/storage/bm25.h"
#include "retriever/storage/local_corpus.h"

namespace footnote::retriever {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using nlohmann::ordered_json;

constexpr size_t kChunksADocument = 8;
constexpr size_t kDepth = 200;  // of the lists that are fused
constexpr size_t kMostQueries = 200;

[[noreturn]] void Die(const std::string& message) {
  std::cerr << "lexical_scale: " << message << "\n";
  std::exit(1);
}

template <typename T>
T Must(StatusOr<T> value) {
  if (!value.ok()) Die(value.status().message());
  return *std::move(value);
}
void Must(const Status& status) {
  if (!status.ok()) Die(status.message());
}

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Of this thread: what it costs, however busy the machine is.
double CpuMilliseconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1000 + static_cast<double>(now.tv_nsec) / 1e6;
}

double Percentile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1, static_cast<size_t>(share * values.size()))];
}

std::vector<std::string> ReadTexts(const std::vector<fs::path>& folders) {
  std::vector<std::string> texts;
  for (const fs::path& folder : folders) {
    const auto corpus = Must(LocalCorpus::Open(folder));
    Must(corpus->ForEachChunk([&](const StoredChunk& chunk) {
      texts.push_back(chunk.text);
      return OkStatus();
    }));
  }
  if (texts.empty()) Die("the base corpora hold no chunks");
  return texts;
}

std::vector<std::string> ReadQueries(const fs::path& file) {
  std::vector<std::string> queries;
  std::ifstream in(file);
  if (!in) Die("cannot read " + file.string());
  for (std::string line; queries.size() < kMostQueries && std::getline(in, line);) {
    const auto row = nlohmann::json::parse(line, nullptr, false);
    if (row.is_object() && row.contains("text")) queries.push_back(row["text"].get<std::string>());
  }
  return queries;
}

class Varied {
 public:
  explicit Varied(const std::vector<std::string>& texts) : texts_(texts), random_(7) {
    for (const std::string& text : texts) {
      for (size_t at = 0; at < text.size() && words_.size() < 50000;) {
        const size_t end = std::min(text.find_first_of(" \n", at), text.size());
        if (end > at + 3) words_.push_back(text.substr(at, end - at));
        at = end + 1;
      }
    }
  }

  IndexedDocument Next(size_t number) {
    IndexedDocument indexed;
    Document& document = indexed.document;
    document.id = "varied/" + std::to_string(number);
    document.title = words_[random_() % words_.size()] + " " + std::to_string(number);
    for (const int share : {2, 100}) {
      if (random_() % static_cast<uint32_t>(share) == 0) {
        document.metadata["one_in_" + std::to_string(share)] = {true};
      }
    }
    const size_t topic = random_() % texts_.size();
    for (size_t c = 0; c < kChunksADocument; ++c) {
      const std::string piece = Changed(texts_[(topic + c) % texts_.size()]);
      if (!document.text.empty()) document.text += "\n\n";
      Chunk chunk;
      chunk.span = {document.text.size(), document.text.size() + piece.size()};
      document.text += piece;
      indexed.chunks.push_back(std::move(chunk));
    }
    document.version = Sha256Hex(document.text);
    return indexed;
  }

 private:
  std::string Changed(const std::string& text) {
    std::string out;
    for (size_t at = 0; at < text.size();) {
      const size_t end = std::min(text.find_first_of(" \n", at), text.size());
      std::string word = text.substr(at, end - at);
      if (!word.empty() && random_() % 10 == 0) word = words_[random_() % words_.size()];
      for (char& c : word) {
        if (c >= '0' && c <= '9') c = static_cast<char>('0' + random_() % 10);
      }
      out += word;
      if (end < text.size()) out += text[end];
      at = end + 1;
    }
    return out;
  }

  const std::vector<std::string>& texts_;
  std::mt19937 random_;
  std::vector<std::string> words_;
};

// Those of `rows` in the documents with the field.
RowSet RowsWith(const GenerationView& view, const RowSet& rows, const std::string& field) {
  return FilteredRows(view, rows, Must(Filter::Parse("exists(" + field + ")")));
}

void Measure(LocalCorpus& corpus, const std::vector<std::string>& queries) {
  const auto now = Must(corpus.Now());
  const RowSet all = VisibleRows(*now.view, *now.access, {});
  const RowSet half = RowsWith(*now.view, all, "one_in_2");
  const RowSet hundredth = RowsWith(*now.view, all, "one_in_100");
  struct Case {
    const char* name;
    const RowSet& visible;
    const RowSet& allowed;
  };
  for (const Case& one : {Case{"everything", all, all}, Case{"half visible", half, half},
                          Case{"filter 1 in 100", all, hundredth}}) {
    PostingsCache postings(now.store);
    ordered_json figures = {{"chunks", now.view->rows}, {"rows", one.name}};
    for (int round = 0; round < 3; ++round) {
      std::vector<double> times;
      std::vector<double> cpu_times;
      for (const std::string& query : queries) {
        const Clock::time_point start = Clock::now();
        const double cpu_start = CpuMilliseconds();
        std::vector<QueryTerm> terms;
        for (std::string& term : corpus.analyzer().Terms(query)) {
          terms.push_back({std::move(term), 1});
        }
        const auto prepared =
            Must(Bm25Query::Make({postings, *now.view, one.visible}, terms, Bm25Parameters()));
        Must(prepared.Best(kDepth, one.allowed));
        cpu_times.push_back(CpuMilliseconds() - cpu_start);
        times.push_back(SecondsSince(start) * 1000);
      }
      figures[round == 0 ? "first_p50_ms" : "p50_ms"] = Percentile(times, 0.5);
      figures[round == 0 ? "first_p95_ms" : "p95_ms"] = Percentile(times, 0.95);
      figures[round == 0 ? "first_cpu_p50_ms" : "cpu_p50_ms"] = Percentile(cpu_times, 0.5);
      figures[round == 0 ? "first_cpu_p95_ms" : "cpu_p95_ms"] = Percentile(cpu_times, 0.95);
    }
    figures["postings_mib"] = static_cast<double>(postings.bytes()) / 1048576;
    std::cout << figures.dump() << "\n" << std::flush;
  }
}

void MeasureSize(size_t rows, const std::vector<std::string>& texts,
                 const std::vector<std::string>& queries, const fs::path& work, bool keep) {
  const std::string name = "lexical-" + std::to_string(rows);
  if (!keep) fs::remove_all(work / name);
  if (!fs::exists(work / name / "REVISION")) {
    CorpusSettings settings;
    settings.is_public = true;
    settings.embedder_name = "none";
    settings.embedder_sha256 = std::string(64, '0');
    settings.width = 1;
    auto writer = Must(CorpusWriter::Open(work, name, settings));
    Varied varied(texts);
    for (size_t i = 0; i < rows / kChunksADocument; ++i) Must(writer->Put(varied.Next(i), "f"));
    const Clock::time_point start = Clock::now();
    Must(writer->Publish());
    std::cerr << rows << " chunks published in " << SecondsSince(start) << " s\n";
  }
  {
    auto corpus = Must(LocalCorpus::Open(work / name));
    Measure(*corpus, queries);
  }
  if (!keep) fs::remove_all(work / name);
}

int Main(int argc, char** argv) {
  std::vector<fs::path> folders;
  fs::path queries_file;
  fs::path work;
  std::vector<size_t> sizes;
  bool keep = false;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string option = argv[i];
    const std::string value = argv[i + 1];
    if (option == "--base") {
      folders.emplace_back(value);
    } else if (option == "--queries") {
      queries_file = value;
    } else if (option == "--work") {
      work = value;
    } else if (option == "--keep") {
      keep = value == "1";
    } else if (option == "--rows") {
      for (size_t at = 0; at < value.size();) {
        const size_t end = std::min(value.find(',', at), value.size());
        sizes.push_back(std::stoul(value.substr(at, end - at)));
        at = end + 1;
      }
    } else {
      Die("unknown option " + option + "; see the head of lexical_scale.cc");
    }
  }
  if (folders.empty() || queries_file.empty() || work.empty() || sizes.empty()) {
    Die("--base, --queries, --work and --rows are needed; see the head of lexical_scale.cc");
  }
  fs::create_directories(work);
  const std::vector<std::string> texts = ReadTexts(folders);
  const std::vector<std::string> queries = ReadQueries(queries_file);
  std::cerr << texts.size() << " base chunks, " << queries.size() << " queries\n";
  for (const size_t rows : sizes) MeasureSize(rows, texts, queries, work, keep);
  return 0;
}

}  // namespace
}  // namespace footnote::retriever

int main(int argc, char** argv) { return footnote::retriever::Main(argc, argv); }
