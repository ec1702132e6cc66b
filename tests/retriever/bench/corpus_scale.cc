// How cost grows with the size of a corpus: builds corpora of ever more chunks from the chunks of
// real ones, with variation, and measures building, memory, search and filtered search.
//
// usage: corpus_scale --base CORPUS_FOLDER… --queries QUERIES.jsonl --rows 10000,100000 --work
// FOLDER
//                     [--json FILE] [--memory SIZE] [--vector-index auto|flat|sq8|hnsw|ivf]
//
// Texts are those of the base corpora, in other company and with a tenth of their words and all
// their numbers changed; vectors are prepared, since embedding a million chunks takes hours: of a
// real chunk, mixed with another's and with noise (0.8, 0.45, 0.2, then brought to length 1); those
// of its sentences are the real chunk's. A
// thirty-second of the base is left out. Queries are real questions, embedded. "Exact" is what a
// scan of all stored vectors finds.
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <random>
#include <set>
#include <thread>

#include "common/sha256.h"
#include "retriever/corpus_writer.h"
#include "retriever/retriever.h"
#include "retriever/storage/codec.h"
#include "retriever/storage/local_corpus.h"
#include "retriever/storage/sentence_vectors.h"
#include "server/stack.h"

namespace footnote::retriever {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using nlohmann::ordered_json;

constexpr size_t kTop = 10;
constexpr size_t kChunksADocument = 8;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

[[noreturn]] void Die(const std::string& message) {
  std::cerr << "corpus_scale: " << message << "\n";
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

double ResidentMib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::stod(line.substr(6)) / 1024;
  }
  return 0;
}

double Percentile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1, static_cast<size_t>(share * values.size()))];
}

struct Base {
  int width = 0;
  std::vector<std::string> texts;
  std::vector<float> vectors;          // [texts, width]
  std::vector<std::string> sentences;  // as stored; empty where there are none
  std::vector<std::string> words;

  std::span<const float> vector(size_t i) const {
    return std::span(vectors).subspan(i * static_cast<size_t>(width), static_cast<size_t>(width));
  }
};

Base ReadBase(const std::vector<fs::path>& folders) {
  Base base;
  size_t seen = 0;
  for (const fs::path& folder : folders) {
    const auto corpus = Must(LocalCorpus::Open(folder));
    const auto now = Must(corpus->Now());
    base.width = static_cast<int>(now.view->embedder.width());
    for (const auto& part : now.view->parts) {
      for (uint32_t i = 0; i < part.segment->documents.size(); ++i) {
        if (part.dead[i]) continue;
        const auto document =
            Must(ReadDocument(*now.store, part.segment->record.id(), i, /*with_vectors=*/true));
        std::vector<float> vectors;
        DecodeHalves(document.vectors(), static_cast<size_t>(document.chunks_size() * base.width),
                     vectors);
        for (int c = 0; c < document.chunks_size(); ++c) {
          if (++seen % 32 == 0) continue;
          base.texts.push_back(document.chunks(c).text());
          base.sentences.push_back(c < document.sentences_size() ? document.sentences(c) : "");
          const auto from = vectors.begin() + static_cast<ptrdiff_t>(c) * base.width;
          base.vectors.insert(base.vectors.end(), from, from + base.width);
        }
      }
    }
  }
  if (base.texts.empty()) Die("the base corpora hold no chunks");
  for (const std::string& text : base.texts) {
    for (size_t at = 0; at < text.size() && base.words.size() < 50000;) {
      const size_t end = std::min(text.find_first_of(" \n", at), text.size());
      if (end > at + 3) base.words.push_back(text.substr(at, end - at));
      at = end + 1;
    }
  }
  return base;
}

class Varied {
 public:
  explicit Varied(const Base& base) : base_(base), random_(7) {}

  // `first`: as it is; later: changed.
  IndexedDocument Next(size_t number) {
    IndexedDocument indexed;
    Document& document = indexed.document;
    document.id = "varied/" + std::to_string(number);
    document.title = "Document " + std::to_string(number);
    // One document in two, ten, a hundred, a thousand: for filters.
    for (const int share : {2, 10, 100, 1000}) {
      if (random_() % static_cast<uint32_t>(share) == 0) {
        document.metadata["one_in_" + std::to_string(share)] = {true};
      }
    }
    const size_t topic = random_() % base_.texts.size();
    for (size_t c = 0; c < kChunksADocument; ++c) {
      const size_t i = (topic + c) % base_.texts.size();
      const bool changed = used_ >= base_.texts.size();
      ++used_;
      const std::string piece = changed ? Changed(base_.texts[i]) : base_.texts[i];
      if (!document.text.empty()) document.text += "\n\n";
      Chunk chunk;
      chunk.span = {document.text.size(), document.text.size() + piece.size()};
      chunk.tokens = static_cast<int>(piece.size() / 4);
      chunk.embedded_text = document.title + "\n" + piece;
      document.text += piece;
      indexed.chunks.push_back(std::move(chunk));
      AddVector(i, changed, indexed.vectors);
      indexed.sentences.push_back(SentencesOf(i, piece.size()));
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
      if (!word.empty() && random_() % 10 == 0) word = base_.words[random_() % base_.words.size()];
      for (char& c : word) {
        if (c >= '0' && c <= '9') c = static_cast<char>('0' + random_() % 10);
      }
      out += word;
      if (end < text.size()) out += text[end];
      at = end + 1;
    }
    return out;
  }

  // Those of the real chunk, moved to where the changed text has them.
  ChunkSentences SentencesOf(size_t i, size_t bytes) const {
    ChunkSentences sentences =
        Must(DecodeSentences(base_.sentences[i], static_cast<size_t>(base_.width)));
    const double stretch = static_cast<double>(bytes) /
                           static_cast<double>(std::max<size_t>(base_.texts[i].size(), 1));
    for (ByteSpan& span : sentences.spans) {
      span.start = static_cast<uint64_t>(stretch * static_cast<double>(span.start));
      span.end = std::min<uint64_t>(bytes, stretch * static_cast<double>(span.end));
    }
    return sentences;
  }

  void AddVector(size_t i, bool changed, std::vector<float>& out) {
    const auto width = static_cast<size_t>(base_.width);
    const std::span<const float> own = base_.vector(i);
    if (!changed) {
      out.insert(out.end(), own.begin(), own.end());
      return;
    }
    const std::span<const float> other = base_.vector(random_() % base_.texts.size());
    const size_t start = out.size();
    double norm = 0;
    for (size_t j = 0; j < width; ++j) {
      const float x = 0.8f * own[j] + 0.45f * other[j] +
                      0.2f * normal_(random_) / std::sqrt(static_cast<float>(width));
      out.push_back(x);
      norm += double{x} * x;
    }
    for (size_t j = start; j < out.size(); ++j) out[j] /= static_cast<float>(std::sqrt(norm));
  }

  const Base& base_;
  std::mt19937 random_;
  std::normal_distribution<float> normal_;
  size_t used_ = 0;
};

struct Query {
  std::string text;
  std::vector<float> vector;
};

std::vector<Query> ReadQueries(const fs::path& file, const Embedder& embedder, size_t most) {
  std::vector<Query> queries;
  std::ifstream in(file);
  if (!in) Die("cannot read " + file.string());
  for (std::string line; queries.size() < most && std::getline(in, line);) {
    const auto row = nlohmann::json::parse(line, nullptr, false);
    if (!row.is_object() || !row.contains("text")) continue;
    Query query;
    query.text = row["text"].get<std::string>();
    const std::string_view text = query.text;
    query.vector =
        Must(embedder.Embed(std::span(&text, 1), TextRole::kQuery, CallContext())).values;
    queries.push_back(std::move(query));
  }
  return queries;
}

struct Scored {
  float score = 0;
  size_t row = 0;  // over all parts
  bool operator<(const Scored& other) const {
    return score != other.score ? score > other.score : row < other.row;
  }
};

// The nearest allowed rows of each query, by a scan of the stored vectors. allowed: by query and
// row.
std::vector<std::vector<Scored>> ExactNearest(
    const LocalCorpus::Snapshot& now, const std::vector<Query>& queries, size_t top,
    const std::function<bool(size_t query, size_t row)>& allowed) {
  std::vector<std::vector<Scored>> best(queries.size());
  const auto width = static_cast<size_t>(now.view->embedder.width());
  for (const auto& part : now.view->parts) {
    ChunkStore::Cursor cursor = now.store->Scan(Table::kVectors);
    cursor.Seek(SegmentKey(part.segment->record.id()));
    std::vector<float> vector;
    for (uint32_t row = 0; row < part.segment->record.rows(); ++row, cursor.Next()) {
      vector.clear();
      if (!cursor.Valid() || !DecodeHalves(cursor.value(), width, vector))
        Die("a vector is missing");
      for (size_t q = 0; q < queries.size(); ++q) {
        if (!allowed(q, part.base_row + row)) continue;
        float sum = 0;
        for (size_t j = 0; j < width; ++j) sum += queries[q].vector[j] * vector[j];
        std::vector<Scored>& list = best[q];
        const Scored scored{sum, part.base_row + row};
        if (list.size() == top && !(scored < list.back())) continue;
        list.insert(std::upper_bound(list.begin(), list.end(), scored), scored);
        if (list.size() > top) list.pop_back();
      }
    }
  }
  return best;
}

// What the dense stage does, timed: approximate search of all parts, then order by stored vectors.
std::vector<Scored> Search(const LocalCorpus::Snapshot& now, const RowSet& allowed,
                           const std::vector<float>& query) {
  std::vector<Scored> found;
  for (size_t p = 0; p < now.view->parts.size(); ++p) {
    const auto& part = now.view->parts[p];
    if (allowed.counts[p] == 0) continue;
    const VectorIndex& index = *part.segment->vectors;
    const size_t depth = index.rounds() ? VectorIndex::RescoringDepth(kTop) : kTop;
    const VectorHits hits =
        Must(index.Search(query, depth, allowed.bits[p], allowed.counts[p], /*exact=*/false));
    std::vector<float> vector;
    for (const VectorHit& hit : hits.hits) {
      float score = hit.score;
      if (index.rounds()) {
        const auto bytes =
            Must(now.store->Get(Table::kVectors, RowKey(part.segment->record.id(), hit.row)));
        vector.clear();
        if (!bytes || !DecodeHalves(*bytes, query.size(), vector)) Die("a vector is missing");
        score = std::inner_product(query.begin(), query.end(), vector.begin(), 0.0f);
      }
      found.push_back({score, part.base_row + hit.row});
    }
  }
  std::sort(found.begin(), found.end());
  if (found.size() > kTop) found.resize(kTop);
  return found;
}

// Share of the exact neighbours that were found, or scores that tie with them.
double Recall(const std::vector<Scored>& found, const std::vector<Scored>& exact) {
  const size_t wanted = std::min(kTop, exact.size());
  if (wanted == 0) return 1;
  const float bound = exact[wanted - 1].score - 1e-6f;
  size_t hits = 0;
  for (const Scored& one : found) hits += one.score >= bound ? 1 : 0;
  return static_cast<double>(std::min(hits, wanted)) / static_cast<double>(wanted);
}

struct SearchFigures {
  double recall = 0;
  double p50_ms = 0;
  double p95_ms = 0;
  bool complete = true;  // min(k, visible) hits each time

  ordered_json Json() const {
    return {
        {"recall_at_10", recall}, {"p50_ms", p50_ms}, {"p95_ms", p95_ms}, {"complete", complete}};
  }
};

SearchFigures Measure(const LocalCorpus::Snapshot& now, const std::vector<Query>& queries,
                      const std::function<const RowSet&(size_t query)>& allowed,
                      const std::vector<std::vector<Scored>>& exact) {
  SearchFigures figures;
  std::vector<double> times;
  for (int round = 0; round < 2; ++round) {  // the first warms up
    times.clear();
    figures.recall = 0;
    for (size_t q = 0; q < queries.size(); ++q) {
      const Clock::time_point start = Clock::now();
      const std::vector<Scored> found = Search(now, allowed(q), queries[q].vector);
      times.push_back(SecondsSince(start) * 1000);
      figures.recall += Recall(found, exact[q]) / static_cast<double>(queries.size());
      figures.complete &= found.size() == std::min(kTop, allowed(q).count);
    }
  }
  figures.p50_ms = Percentile(times, 0.5);
  figures.p95_ms = Percentile(times, 0.95);
  return figures;
}

RowSet RowsWhere(const GenerationView& view, const std::function<bool(size_t row)>& keep) {
  RowSet set;
  for (const auto& part : view.parts) {
    const size_t rows = part.segment->lengths.size();
    std::vector<uint8_t> bits((rows + 7) / 8, 0);
    size_t count = 0;
    for (size_t row = 0; row < rows; ++row) {
      if (!keep(part.base_row + row)) continue;
      bits[row >> 3] |= static_cast<uint8_t>(1u << (row & 7));
      ++count;
    }
    set.bits.push_back(std::move(bits));
    set.counts.push_back(count);
    set.count += count;
  }
  return set;
}

// Lists that are random, that follow topics, and that hide exactly the nearest thousand.
ordered_json MeasureFiltered(const LocalCorpus::Snapshot& now, const std::vector<Query>& queries) {
  const GenerationView& view = *now.view;
  ordered_json rows = ordered_json::array();
  const auto add = [&](const std::string& lists, double share,
                       const std::function<const RowSet&(size_t)>& allowed) {
    const auto exact = ExactNearest(now, queries, kTop, [&](size_t q, size_t row) {
      const auto place = view.Locate(row);
      return allowed(q).Has(place.part, place.row);
    });
    ordered_json figures = Measure(now, queries, allowed, exact).Json();
    figures["lists"] = lists;
    figures["visible_share"] = share;
    rows.push_back(figures);
    std::cerr << "  " << lists << " " << share << ": " << figures.dump() << "\n";
  };
  std::mt19937 random(3);
  // A topic: the rows nearest to a random chunk.
  const std::vector<Query> centres(queries.begin(), queries.begin() + 1);
  const auto by_topic = ExactNearest(now, centres, view.rows, [](size_t, size_t) { return true; });
  for (const double share : {0.5, 0.1, 0.01, 0.001}) {
    std::vector<bool> chosen(view.rows);
    for (size_t row = 0; row < view.rows; ++row) {
      chosen[row] = static_cast<double>(random()) < share * 4294967296.0;
    }
    const RowSet some = RowsWhere(view, [&](size_t row) { return chosen[row]; });
    add("random", share, [&](size_t) -> const RowSet& { return some; });
    std::fill(chosen.begin(), chosen.end(), false);
    const auto count = static_cast<size_t>(share * static_cast<double>(view.rows));
    for (size_t i = 0; i < count; ++i) chosen[by_topic[0][i].row] = true;
    const RowSet topic = RowsWhere(view, [&](size_t row) { return chosen[row]; });
    add("topic", share, [&](size_t) -> const RowSet& { return topic; });
  }
  const auto nearest = ExactNearest(now, queries, 1000, [](size_t, size_t) { return true; });
  for (const double share : {0.999, 0.5, 0.1, 0.01, 0.001}) {
    std::vector<RowSet> sets;
    for (size_t q = 0; q < queries.size(); ++q) {
      std::vector<bool> chosen(view.rows);
      for (size_t row = 0; row < view.rows; ++row) {
        chosen[row] = static_cast<double>(random()) < share * 4294967296.0;
      }
      for (const Scored& hidden : nearest[q]) chosen[hidden.row] = false;
      sets.push_back(RowsWhere(view, [&](size_t row) { return chosen[row]; }));
    }
    add("nearest 1,000 hidden", share, [&](size_t q) -> const RowSet& { return sets[q]; });
  }
  return rows;
}

// The same through access lists that are stored and judged by, document by document: groups that
// see a random share of the documents, groups that see the documents of a topic, and users from
// whom the documents of their query's nearest thousand rows are hidden.
ordered_json MeasureStoredLists(LocalCorpus& corpus, CorpusWriter& writer,
                                const std::vector<Query>& queries) {
  const auto group = [](const std::string& kind, double share) {
    return "group:" + kind + std::to_string(share);
  };
  const auto user = [](size_t query) { return "user:q" + std::to_string(query); };
  constexpr double kShares[] = {0.5, 0.1, 0.01, 0.001};
  const auto before = Must(corpus.Now());
  const GenerationView& view = *before.view;
  const auto document_of = [&](size_t row) {
    const auto place = view.Locate(row);
    const LoadedSegment& segment = *view.parts[place.part].segment;
    return segment.documents[segment.DocumentOfRow(place.row)].id;
  };
  std::map<std::string, AccessList> lists;
  for (const auto& [id, place] : view.by_id) lists[std::string(id)].allow = {"group:all"};
  std::mt19937 random(4);
  const std::vector<Query> centres(queries.begin(), queries.begin() + 1);
  const auto by_topic =
      ExactNearest(before, centres, view.rows, [](size_t, size_t) { return true; });
  for (const double share : kShares) {
    for (auto& [id, list] : lists) {
      if (random() < share * 4294967296.0) list.allow.push_back(group("random", share));
    }
    std::set<std::string> topic;
    for (size_t i = 0; static_cast<double>(topic.size()) < share * lists.size(); ++i) {
      topic.insert(document_of(by_topic[0][i].row));
    }
    for (const std::string& id : topic) lists[id].allow.push_back(group("topic", share));
  }
  const auto nearest = ExactNearest(before, queries, 1000, [](size_t, size_t) { return true; });
  for (size_t q = 0; q < queries.size(); ++q) {
    std::set<std::string> hidden;
    for (const Scored& row : nearest[q]) hidden.insert(document_of(row.row));
    for (const std::string& id : hidden) lists[id].deny.push_back(user(q));
  }
  std::vector<AccessChange> changes;
  for (const auto& [id, list] : lists) changes.push_back({id, list});
  const Clock::time_point start = Clock::now();
  Must(writer.GiveAccess(changes));
  ordered_json report = {{"give_access_s", SecondsSince(start)}, {"rows", ordered_json::array()}};

  const auto now = Must(corpus.Now());
  const auto add = [&](const std::string& kind, double share,
                       const std::function<Asker(size_t)>& asker_of) {
    std::vector<std::shared_ptr<const RowSet>> sets;
    for (size_t q = 0; q < queries.size(); ++q) sets.push_back(corpus.Visible(now, asker_of(q)));
    const auto allowed = [&](size_t q) -> const RowSet& { return *sets[q]; };
    const auto exact = ExactNearest(now, queries, kTop, [&](size_t q, size_t row) {
      const auto place = now.view->Locate(row);
      return sets[q]->Has(place.part, place.row);
    });
    ordered_json figures = Measure(now, queries, allowed, exact).Json();
    figures["lists"] = kind;
    figures["visible_share"] = share;
    report["rows"].push_back(figures);
    std::cerr << "  stored, " << kind << " " << share << ": " << figures.dump() << "\n";
  };
  for (const double share : kShares) {
    add("random", share, [&](size_t) { return Asker{{group("random", share)}}; });
    add("topic", share, [&](size_t) { return Asker{{group("topic", share)}}; });
    add("nearest 1,000 hidden", share, [&](size_t q) {
      return Asker{{group("random", share), user(q)}};
    });
  }
  add("nearest 1,000 hidden", 1, [&](size_t q) { return Asker{{"group:all", user(q)}}; });
  return report;
}

uint64_t BytesBelow(const fs::path& folder) {
  uint64_t bytes = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) bytes += entry.file_size();
  }
  return bytes;
}

struct WriterOptions {
  uint64_t memory_bytes = 0;  // that building may take beside what is held; 0: no bound
  VectorIndexKind kind = VectorIndexKind::kAuto;
};

ordered_json MeasureSize(size_t rows, const Base& base, const std::vector<Query>& queries,
                         const server::LoadedEmbedder& embedder, const WriterOptions& options,
                         const fs::path& work) {
  const std::string name = "scale-" + std::to_string(rows);
  fs::remove_all(work / name);
  ordered_json figures = {{"chunks", rows}};
  CorpusSettings settings = server::SettingsFor(embedder);
  settings.is_public = true;
  settings.vector_index = options.kind;
  if (options.memory_bytes != 0) {
    settings.memory.held_bytes = ResidentBytes();
    settings.memory.total_bytes = settings.memory.held_bytes + options.memory_bytes;
  }
  {
    auto writer = Must(CorpusWriter::Open(work, name, settings));
    Varied varied(base);
    Clock::time_point start = Clock::now();
    for (size_t i = 0; i < rows / kChunksADocument; ++i) Must(writer->Put(varied.Next(i), "f"));
    figures["put_s"] = SecondsSince(start);
    malloc_trim(0);
    const double before = ResidentMib();
    double most = before;
    std::atomic<bool> done = false;
    std::thread watch([&] {
      while (!done) {
        most = std::max(most, ResidentMib());
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
      }
    });
    start = Clock::now();
    Must(writer->Publish());
    figures["publish_s"] = SecondsSince(start);
    done = true;
    watch.join();
    figures["publish_memory_mib"] = most - before;
  }
  const fs::path folder = work / name;
  figures["disk_bytes_a_chunk"] =
      static_cast<double>(BytesBelow(folder)) / static_cast<double>(rows);
  figures["index_bytes_a_chunk"] =
      static_cast<double>(BytesBelow(folder / "vectors")) / static_cast<double>(rows);
  malloc_trim(0);
  const double before = ResidentMib();
  Clock::time_point start = Clock::now();
  auto corpus = Must(LocalCorpus::Open(folder));
  figures["open_s"] = SecondsSince(start);
  const auto now = Must(corpus->Now());
  malloc_trim(0);
  figures["reader_memory_mib"] = ResidentMib() - before;
  figures["index"] = corpus->Info().vector_index;
  figures["segments"] = now.view->parts.size();

  const auto everything = RowsWhere(*now.view, [](size_t) { return true; });
  const auto all = [&](size_t) -> const RowSet& { return everything; };
  const auto exact = ExactNearest(now, queries, kTop, [](size_t, size_t) { return true; });
  ordered_json beams = ordered_json::array();
  // set_beam is not const: measuring alone may.
  const auto set_beam = [&](int beam) {
    for (const auto& part : now.view->parts) part.segment->vectors->set_beam(beam);
  };
  for (const int beam : {128, 256, 512}) {  // the default last, so that it stays
    set_beam(beam);
    ordered_json one = Measure(now, queries, all, exact).Json();
    one["beam"] = beam;
    std::cerr << "  " << one.dump() << "\n";
    beams.push_back(std::move(one));
  }
  figures["vector_search"] = beams;
  figures["filtered"] = MeasureFiltered(now, queries);

  auto backend = Must(MakeLocalRetriever(corpus, embedder.embedder.get()));
  std::vector<double> times;
  for (int round = 0; round < 2; ++round) {
    times.clear();
    for (const Query& query : queries) {
      RetrievalRequest request;
      request.query = query.text;
      request.top_k = static_cast<int>(kTop);
      const Clock::time_point begin = Clock::now();
      Must(backend->Retrieve(request, CallContext()));
      times.push_back(SecondsSince(begin) * 1000);
    }
  }
  figures["retrieve_p50_ms"] = Percentile(times, 0.5);
  figures["retrieve_p95_ms"] = Percentile(times, 0.95);

  // How long until a reader judges by a changed list.
  {
    auto writer = Must(CorpusWriter::Open(work, name, settings));
    std::vector<double> delays;
    const Asker asker{{"user:ann"}};
    for (int i = 0; i < 10; ++i) {
      const std::string id = "varied/" + std::to_string(i);
      Must(corpus->GetDocument(id, asker).status());
      start = Clock::now();
      Must(writer->SetAccess(id, {{}, {"everyone"}}));
      while (corpus->GetDocument(id, asker).ok()) {
      }
      delays.push_back(SecondsSince(start) * 1000);
    }
    figures["access_change_ms"] = Percentile(delays, 1);
    figures["stored_lists"] = MeasureStoredLists(*corpus, *writer, queries);
  }
  std::cerr << figures.dump() << "\n";
  backend.reset();
  corpus.reset();
  fs::remove_all(folder);
  return figures;
}

int Main(int argc, char** argv) {
  std::vector<fs::path> folders;
  fs::path queries_file;
  fs::path work;
  fs::path json_file;
  std::vector<size_t> sizes;
  WriterOptions writer;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string option = argv[i];
    const std::string value = argv[i + 1];
    if (option == "--base") {
      folders.emplace_back(value);
    } else if (option == "--queries") {
      queries_file = value;
    } else if (option == "--work") {
      work = value;
    } else if (option == "--json") {
      json_file = value;
    } else if (option == "--memory") {
      writer.memory_bytes = Must(ParseByteSize(value));
    } else if (option == "--vector-index") {
      for (const VectorIndexKind kind : {VectorIndexKind::kFlat, VectorIndexKind::kSq8,
                                         VectorIndexKind::kHnsw, VectorIndexKind::kIvf}) {
        if (value == VectorIndexName(kind)) writer.kind = kind;
      }
    } else if (option == "--rows") {
      for (size_t at = 0; at < value.size();) {
        const size_t end = std::min(value.find(',', at), value.size());
        sizes.push_back(std::stoul(value.substr(at, end - at)));
        at = end + 1;
      }
    } else {
      Die("unknown option " + option + "; see the head of corpus_scale.cc");
    }
  }
  if (folders.empty() || queries_file.empty() || work.empty() || sizes.empty()) {
    Die("--base, --queries, --work and --rows are needed; see the head of corpus_scale.cc");
  }
  fs::create_directories(work);
  const server::LoadedEmbedder embedder = Must(server::LoadEmbedder("", {}));
  const Base base = ReadBase(folders);
  constexpr size_t kQueries = 100;
  const std::vector<Query> queries = ReadQueries(queries_file, *embedder.embedder, kQueries);
  std::cerr << base.texts.size() << " base chunks, " << queries.size() << " queries\n";
  ordered_json report = {{"base_chunks", base.texts.size()},
                         {"queries", queries.size()},
                         {"cpus", std::thread::hardware_concurrency()},
                         {"sizes", ordered_json::array()}};
  for (const size_t rows : sizes) {
    std::cerr << rows << " chunks\n";
    report["sizes"].push_back(MeasureSize(rows, base, queries, embedder, writer, work));
    if (!json_file.empty()) std::ofstream(json_file) << report.dump(1) << "\n";
  }
  std::cout << report.dump(1) << "\n";
  return 0;
}

}  // namespace
}  // namespace footnote::retriever

int main(int argc, char** argv) { return footnote::retriever::Main(argc, argv); }
