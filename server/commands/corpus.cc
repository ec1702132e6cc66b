// footnote corpus list | show | verify | rollback | erase | document | export | merge | reembed.

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <iostream>
#include <vector>

#include "retriever/corpus.h"
#include "server/answer_json.h"
#include "server/commands/command.h"
#include "server/commands/corpus_reembed.h"
#include "server/commands/embed_options.h"
#include "server/commands/terminal.h"
#include "server/home.h"

namespace footnote::server {
namespace {

using Json = nlohmann::ordered_json;

struct Options {
  std::string corpus;
  std::string document;
  std::vector<std::string> parts;
  uint64_t generation = 0;
  bool prune = false;
  bool vectors = false;
  bool text = false;
  bool json = false;
  MemoryOption memory;
};

std::string UtcTime(int64_t unix_s) {
  const std::time_t time = static_cast<std::time_t>(unix_s);
  std::tm parts{};
  gmtime_r(&time, &parts);
  char out[32];
  std::strftime(out, sizeof out, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return out;
}

Json ToJson(const retriever::CorpusInfo& info) {
  Json generations = Json::array();
  for (const auto& generation : info.generations) {
    generations.push_back({{"number", generation.number},
                           {"created", UtcTime(generation.created_unix_s)},
                           {"documents", generation.documents},
                           {"chunks", generation.chunks},
                           {"tokens", generation.tokens},
                           {"current", generation.current}});
  }
  return {{"corpus", info.name},
          {"public", info.is_public},
          {"generation", info.generation},
          {"documents", info.documents},
          {"chunks", info.chunks},
          {"tokens", info.tokens},
          {"unembedded_chunks", info.unembedded_chunks},
          {"disk_bytes", info.disk_bytes},
          {"embedder",
           {{"name", info.embedder_name},
            {"sha256", info.embedder_sha256},
            {"path", info.embedder_path},
            {"width", info.width}}},
          {"vector_index", {{"kind", info.vector_index}, {"reason", info.vector_index_reason}}},
          {"metadata_fields", info.metadata_fields},
          {"generations", generations}};
}

Status RunList(const Options& options) {
  FOOTNOTE_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                            retriever::ListCorpora(CorporaRoot()));
  Json corpora = Json::array();
  std::vector<std::vector<std::string>> rows = {
      {"corpus", "documents", "chunks", "tokens", "disk", "generation", "access", "embedder"}};
  for (const std::string& name : names) {
    StatusOr<std::shared_ptr<retriever::Corpus>> corpus =
        retriever::Corpus::Open(CorporaRoot(), name);
    if (!corpus.ok()) {
      // One damaged corpus must not hide the others.
      corpora.push_back({{"corpus", name}, {"error", corpus.status().message()}});
      rows.push_back({name, corpus.status().message()});
      continue;
    }
    const retriever::CorpusInfo info = (*corpus)->Info();
    corpora.push_back(ToJson(info));
    rows.push_back({name, WithThousands(info.documents), WithThousands(info.chunks),
                    WithThousands(info.tokens), HumanBytes(info.disk_bytes),
                    std::to_string(info.generation), info.is_public ? "public" : "by list",
                    info.embedder_name});
  }
  if (options.json) {
    std::cout << Dump(corpora) << "\n";
  } else if (names.empty()) {
    std::cout << "no corpora in " << CorporaRoot().string()
              << ": make one with `footnote index NAME SOURCE…`\n";
  } else {
    std::cout << Table(rows);
  }
  return OkStatus();
}

Status RunShow(const Options& options) {
  FOOTNOTE_ASSIGN_OR_RETURN(const std::shared_ptr<retriever::Corpus> corpus,
                            retriever::Corpus::Open(CorporaRoot(), options.corpus));
  const retriever::CorpusInfo info = corpus->Info();
  if (options.json) {
    std::cout << Dump(ToJson(info)) << "\n";
    return OkStatus();
  }
  std::string fields;
  for (const std::string& field : info.metadata_fields)
    fields += (fields.empty() ? "" : ", ") + field;
  std::cout << Table({{"corpus", info.name},
                      {"access", info.is_public ? "public" : "by access list"},
                      {"documents", WithThousands(info.documents)},
                      {"chunks", WithThousands(info.chunks)},
                      {"tokens", WithThousands(info.tokens)},
                      {"found by words alone as yet", WithThousands(info.unembedded_chunks)},
                      {"disk", HumanBytes(info.disk_bytes)},
                      {"embedder", info.embedder_name + " (" + info.embedder_sha256.substr(0, 12) +
                                       ", width " + std::to_string(info.width) + ")"},
                      {"vector index", info.vector_index + ": " + info.vector_index_reason},
                      {"filter fields", fields.empty() ? "none" : fields}})
            << "\n";
  std::vector<std::vector<std::string>> rows = {
      {"generation", "created", "documents", "chunks", ""}};
  for (const auto& generation : info.generations) {
    rows.push_back({std::to_string(generation.number), UtcTime(generation.created_unix_s),
                    WithThousands(generation.documents), WithThousands(generation.chunks),
                    generation.current ? "current" : ""});
  }
  std::cout << Table(rows);
  return OkStatus();
}

Status RunVerify(const Options& options) {
  FOOTNOTE_ASSIGN_OR_RETURN(const std::shared_ptr<retriever::Corpus> corpus,
                            retriever::Corpus::Open(CorporaRoot(), options.corpus));
  ProgressLine bar;
  FOOTNOTE_ASSIGN_OR_RETURN(
      const std::vector<std::string> findings,
      corpus->Verify([&](double share) { bar.Show("verifying " + options.corpus, share, ""); }));
  bar.Done();
  const retriever::CorpusInfo info = corpus->Info();
  if (options.json) {
    std::cout << Dump({{"corpus", options.corpus},
                       {"generation", info.generation},
                       {"ok", findings.empty()},
                       {"findings", findings}})
              << "\n";
  } else if (findings.empty()) {
    std::cout << options.corpus << ": generation " << info.generation
              << " is sound: " << WithThousands(info.documents) << " documents, "
              << WithThousands(info.chunks) << " chunks, their vectors and postings agree\n";
  } else {
    for (const std::string& finding : findings) std::cout << "  " << finding << "\n";
  }
  if (!findings.empty()) {
    return DataLossError(
        "the corpus " + options.corpus + " has " + std::to_string(findings.size()) +
        " faults: index its sources again, or roll back with `footnote corpus rollback " +
        options.corpus + "`");
  }
  return OkStatus();
}

Status RunRollback(const Options& options) {
  FOOTNOTE_ASSIGN_OR_RETURN(
      const uint64_t generation,
      retriever::RollbackCorpus(CorporaRoot(), options.corpus, options.generation));
  if (options.json) {
    std::cout << Dump({{"corpus", options.corpus}, {"generation", generation}}) << "\n";
  } else {
    std::cout << options.corpus << ": generation " << generation << " is current\n";
  }
  return OkStatus();
}

Status RunErase(const Options& options) {
  FOOTNOTE_RETURN_IF_ERROR(
      retriever::EraseDocument(CorporaRoot(), options.corpus, options.document));
  if (options.json) {
    std::cout << Dump({{"corpus", options.corpus}, {"erased", options.document}}) << "\n";
  } else {
    std::cout << options.document << " is erased from every generation of " << options.corpus
              << "\n";
  }
  return OkStatus();
}

Status RunDocument(const Options& options) {
  FOOTNOTE_ASSIGN_OR_RETURN(const std::shared_ptr<retriever::Corpus> corpus,
                            retriever::Corpus::Open(CorporaRoot(), options.corpus));
  FOOTNOTE_ASSIGN_OR_RETURN(const retriever::Document document,
                            corpus->GetDocumentAsOwner(options.document));
  if (options.text) {
    // The bytes as stored and nothing more, so that `cut` and `sha256sum` see what citations refer
    // to.
    std::cout.write(document.text.data(), static_cast<std::streamsize>(document.text.size()));
    return OkStatus();
  }
  Json metadata = Json::object();
  for (const auto& [field, values] : document.metadata) {
    Json list = Json::array();
    for (const auto& value : values)
      std::visit([&](const auto& held) { list.push_back(held); }, value);
    metadata[field] = list.size() == 1 ? list[0] : list;
  }
  const Json json = {{"document_id", document.id},     {"version", document.version},
                     {"title", document.title},        {"source", document.source},
                     {"bytes", document.text.size()},  {"metadata", metadata},
                     {"allow", document.access.allow}, {"deny", document.access.deny}};
  std::cout << Dump(json, options.json ? -1 : 2) << "\n";
  return OkStatus();
}

Status RunExport(const Options& options) {
  FOOTNOTE_ASSIGN_OR_RETURN(const std::shared_ptr<retriever::Corpus> corpus,
                            retriever::Corpus::Open(CorporaRoot(), options.corpus));
  return corpus->ForEachChunk([&](const retriever::StoredChunk& stored) -> Status {
    Json line = {{"document_id", stored.document_id},
                 {"version", stored.version},
                 {"start_byte", stored.chunk.span.start},
                 {"end_byte", stored.chunk.span.end},
                 {"heading_path", stored.chunk.heading_path},
                 {"clause", stored.chunk.clause},
                 {"page", stored.chunk.page},
                 {"tokens", stored.chunk.tokens},
                 {"text", stored.text},
                 {"embedded_text", stored.chunk.embedded_text}};
    if (options.vectors) line["vector"] = stored.vector;
    std::cout << Dump(line) << "\n";
    if (!std::cout) return UnavailableError("standard output cannot be written to");
    return OkStatus();
  });
}

Status RunMerge(const Options& options) {
  std::vector<std::filesystem::path> parts;
  for (const std::string& part : options.parts) {
    // A name is a corpus of here, a path one that was brought from another machine.
    parts.push_back(part.find('/') == std::string::npos ? CorporaRoot() / part
                                                        : std::filesystem::path(part));
  }
  FOOTNOTE_ASSIGN_OR_RETURN(const MemoryBound memory, options.memory.Read());
  ProgressLine bar;
  FOOTNOTE_ASSIGN_OR_RETURN(const retriever::MergeReport report,
                            retriever::MergeCorpora(
                                CorporaRoot(), options.corpus, parts, options.prune,
                                [&](double share) { bar.Show("joining", share, ""); }, memory));
  bar.Done();
  if (options.json) {
    const Json json = {{"corpus", options.corpus},
                       {"generation", report.generation},
                       {"documents",
                        {{"added", report.added},
                         {"updated", report.updated},
                         {"unchanged", report.unchanged},
                         {"deleted", report.deleted}}},
                       {"chunks", report.chunks}};
    std::cout << Dump(json) << "\n";
    return OkStatus();
  }
  std::cout << Table(
      {{"corpus", "generation", "added", "updated", "unchanged", "deleted", "chunks"},
       {options.corpus, std::to_string(report.generation), WithThousands(report.added),
        WithThousands(report.updated), WithThousands(report.unchanged),
        WithThousands(report.deleted), WithThousands(report.chunks)}});
  return OkStatus();
}

}  // namespace

void AddCorpusCommand(CLI::App& app, CommandResult& result) {
  auto options = std::make_shared<Options>();
  CLI::App* group =
      app.add_subcommand("corpus", "List, show, verify, roll back, erase, merge, re-embed");
  group->require_subcommand(1);
  auto add = [&](const char* name, const char* help, Status (*run)(const Options&)) {
    CLI::App* command = group->add_subcommand(name, help);
    command->add_flag("--json", options->json, "Print one JSON document");
    command->callback([options, run, &result] { result.status = run(*options); });
    return command;
  };
  auto add_named = [&](const char* name, const char* help, Status (*run)(const Options&)) {
    CLI::App* command = add(name, help, run);
    command->add_option("corpus", options->corpus, "Name of the corpus")->required();
    return command;
  };
  add("list", "All corpora", RunList);
  add_named("show", "One corpus: counts, embedder, index, generations", RunShow);
  add_named("verify", "Prove that documents, chunks, vectors, postings and FAISS files agree",
            RunVerify);
  add_named("rollback", "Make an older generation current", RunRollback)
      ->add_option("--to", options->generation, "Generation (default: the one before the current)");
  add_named("erase", "Remove a document physically, from every generation", RunErase)
      ->add_option("document", options->document, "Document id")
      ->required();
  CLI::App* document = add_named("document", "One document's metadata or text", RunDocument);
  document->add_option("document", options->document, "Document id")->required();
  document->add_flag("--text", options->text, "Print the stored text, byte for byte");
  CLI::App* all_chunks = add_named("export", "All chunks, one JSON object a line", RunExport);
  all_chunks->add_flag("--vectors", options->vectors, "With their vectors");
  CLI::App* merge = add_named(
      "merge", "Join corpora that were made with --shard into one, vectors and all", RunMerge);
  merge->add_option("part", options->parts, "Corpora: names, or folders brought from elsewhere")
      ->required();
  merge->add_flag("--prune", options->prune, "Also delete documents that no part holds");
  options->memory.AddTo(*merge);
  AddReembedCommand(*group, result);
}

}  // namespace footnote::server
