// parser_fuzz SECONDS SEED FILE…: gives mutations of the files to the parsers that take them, and
// checks what comes out. Built for a sanitizer build (cmake --preset asan; ninja parser_fuzz),
// which finds what a check cannot see. Prints how often each format was tried, and how many of its
// inputs its parser still took; a file that breaks a check is kept as "parser-fuzz-failure".
//
// Seconds are of processor time, child processes included: on a busy machine it takes longer and
// tries as much.
//
// Packages (DOCX and the like) are mutated in their parts, since a checksum guards the rest.
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "common/file.h"
#include "common/text/utf8.h"
#include "indexer/parsers/package.h"
#include "indexer/parsers/parser.h"
#include "tests/indexer/make_zip.h"
#include "tests/testing/temp_dir.h"

namespace footnote::indexer {
namespace {

using Random = std::mt19937_64;

std::string Mutated(std::string bytes, Random& random) {
  static const std::vector<std::string> kPieces = {std::string(1, '\0'),
                                                   "\xFF",
                                                   "<",
                                                   ">",
                                                   "&#0;",
                                                   "]]>",
                                                   "\\u-1",
                                                   "\\bin99999999 ",
                                                   "{{{{",
                                                   "}}}}",
                                                   "\"",
                                                   "\n",
                                                   "\r\n\r\n",
                                                   "=?utf-8?B?",
                                                   "%PDF-",
                                                   "9999999999",
                                                   "-1",
                                                   "<table>",
                                                   "<![CDATA[",
                                                   "\xF0\x9F\x98\x80",
                                                   "\xED\xA0\x80"};
  const int changes = 1 + static_cast<int>(random() % 8);
  for (int i = 0; i < changes; ++i) {
    const size_t at = bytes.empty() ? 0 : random() % bytes.size();
    const size_t length = std::min<size_t>(bytes.size() - at, 1 + random() % 64);
    switch (random() % 7) {
      case 0:
        if (!bytes.empty()) bytes[at] = static_cast<char>(random());
        break;
      case 1:
        bytes.erase(at, length);
        break;
      case 2:
        bytes.insert(at, kPieces[random() % kPieces.size()]);
        break;
      case 3:
        bytes.insert(at, bytes.substr(at, length));
        break;
      case 4:
        if (random() % 8 == 0) bytes.resize(at);
        break;
      case 5: {  // a piece of another place
        const size_t from = bytes.empty() ? 0 : random() % bytes.size();
        bytes.insert(at, bytes.substr(from, length));
        break;
      }
      default: {  // deep nesting
        const std::string piece = bytes.substr(at, length % 12 + 1);
        std::string many;
        for (int n = 0; n < 400; ++n) many += piece;
        bytes.insert(at, many);
        break;
      }
    }
  }
  return bytes;
}

std::string MutatedPackage(const std::vector<std::pair<std::string, std::string>>& parts,
                           Random& random) {
  std::vector<std::pair<std::string, std::string>> changed = parts;
  auto& part = changed[random() % changed.size()];
  part.second = Mutated(part.second, random);
  return MakeZip(changed);
}

struct CheckingSink : DocumentSink {
  Status Add(ParsedDocument document) override {
    uint64_t at = 0;
    Check(IsValidUtf8(document.text), "text is not UTF-8");
    for (const Block& block : document.blocks) {
      Check(block.span.start >= at && block.span.end >= block.span.start &&
                block.span.end <= document.text.size(),
            "blocks overlap or leave the text");
      at = block.span.end;
    }
    for (size_t i = 0; i < document.page_starts.size(); ++i) {
      Check(document.page_starts[i] <= document.text.size() &&
                (i == 0 || document.page_starts[i] >= document.page_starts[i - 1]),
            "pages are out of order");
    }
    return OkStatus();
  }
  void Fail(const std::string&, const std::string&, const Status&) override {}

  void Check(bool ok, const char* what) {
    if (!ok && problem.empty()) problem = what;
  }
  std::string problem;
};

struct Tried {
  int64_t inputs = 0;
  int64_t by_its_parser = 0;
  double slowest = 0;
};

double ProcessorSeconds() {
  double seconds = 0;
  for (const int whose : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
    rusage used{};
    getrusage(whose, &used);
    for (const timeval& time : {used.ru_utime, used.ru_stime}) {
      seconds += static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
    }
  }
  return seconds;
}

// With its head read, as an indexer does.
SourceFile MakeSource(const std::filesystem::path& path, const std::string& bytes) {
  SourceFile file;
  file.path = path;
  file.relative_path = path.filename().string();
  file.size = bytes.size();
  file.head = bytes.substr(0, 16 << 10);
  return file;
}

struct SeedFile {
  const Parser* parser = nullptr;
  std::filesystem::path path;
  std::string bytes;
  std::vector<std::pair<std::string, std::string>> parts;  // of a package
};

int Run(double seconds, uint64_t seed, const std::vector<std::string>& paths) {
  std::vector<SeedFile> seeds;
  for (const std::string& path : paths) {
    SeedFile file{nullptr, path, ReadFile(path).value(), {}};
    const auto parser = FindParser(MakeSource(path, file.bytes));
    if (!parser.ok()) {
      std::fprintf(stderr, "%s: %s\n", path.c_str(), parser.status().ToString().c_str());
      return 2;
    }
    file.parser = *parser;
    if (file.bytes.starts_with("PK\x03\x04")) {
      SourceFile source;
      source.path = path;
      const auto package = Package::Read(source, [](std::string_view) { return true; });
      if (package.ok()) {
        for (const auto& [name, part] : package->parts()) file.parts.emplace_back(name, part);
      }
    }
    seeds.push_back(std::move(file));
  }
  const testing::TempDir folder;
  Random random(seed);
  std::map<std::string, Tried> tried;  // by extension
  while (ProcessorSeconds() < seconds) {
    const SeedFile& from = seeds[random() % seeds.size()];
    const std::string bytes =
        from.parts.empty() ? Mutated(from.bytes, random) : MutatedPackage(from.parts, random);
    const SourceFile file = MakeSource(folder / ("input" + from.path.extension().string()), bytes);
    std::ofstream(file.path, std::ios::binary | std::ios::trunc) << bytes;
    CheckingSink sink;
    Tried& format = tried[from.path.extension().string()];
    const double before = ProcessorSeconds();
    if (const auto parser = FindParser(file); parser.ok()) {
      format.by_its_parser += *parser == from.parser ? 1 : 0;
      (*parser)->Parse(file, sink).IgnoreError();
    }
    const double took = ProcessorSeconds() - before;
    ++format.inputs;
    format.slowest = std::max(format.slowest, took);
    sink.Check(took < 20, "took more than 20 seconds");
    if (!sink.problem.empty()) {
      std::ofstream("parser-fuzz-failure", std::ios::binary) << bytes;
      std::fprintf(stderr, "%s: %s; kept as parser-fuzz-failure\n", from.path.c_str(),
                   sink.problem.c_str());
      return 1;
    }
  }
  for (const auto& [extension, figures] : tried) {
    std::printf("%-8s %9ld inputs, %9ld by its parser, slowest %.3f s\n", extension.c_str(),
                figures.inputs, figures.by_its_parser, figures.slowest);
  }
  return 0;
}

}  // namespace
}  // namespace footnote::indexer

int main(int count, char** words) {
  if (count < 4) {
    std::fprintf(stderr, "usage: parser_fuzz SECONDS SEED FILE...\n");
    return 2;
  }
  return footnote::indexer::Run(std::atof(words[1]), std::strtoull(words[2], nullptr, 10),
                                {words + 3, words + count});
}
