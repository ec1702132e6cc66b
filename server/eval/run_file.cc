#include "server/eval/run_file.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace footnote::server {
namespace {

// Enough that scores which differ still do so in the file: readers sort by them.
constexpr int kScoreDigits = 9;

// Takes the last word off `line`.
std::string TakeLastWord(std::string& line) {
  const size_t end = line.find_last_not_of(" \t\r");
  if (end == std::string::npos) return {};
  const size_t before = line.find_last_of(" \t", end);
  const size_t begin = before == std::string::npos ? 0 : before + 1;
  std::string word = line.substr(begin, end + 1 - begin);
  line.resize(begin);
  return word;
}

std::string TakeFirstWord(std::string& line) {
  const size_t begin = line.find_first_not_of(" \t");
  if (begin == std::string::npos) return {};
  const size_t end = std::min(line.find_first_of(" \t", begin), line.size());
  std::string word = line.substr(begin, end - begin);
  line.erase(0, end);
  return word;
}

std::string Trimmed(const std::string& text) {
  const size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

}  // namespace

StatusOr<Rankings> ReadRun(const std::filesystem::path& file) {
  std::ifstream in(file);
  if (!in) return NotFoundError("cannot read the run file " + file.string());
  std::map<std::string, std::vector<RankedDocument>> scored;
  std::string line;
  for (size_t number = 1; std::getline(in, line); ++number) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const std::string query = TakeFirstWord(line);
    const std::string fixed = TakeFirstWord(line);
    const std::string tag = TakeLastWord(line);
    const std::string score = TakeLastWord(line);
    const std::string rank = TakeLastWord(line);
    // What is left: ids with spaces in them are other tools' ids, too.
    const std::string document = Trimmed(line);
    char* end = nullptr;
    const double value = std::strtod(score.c_str(), &end);
    if (document.empty() || rank.empty() || score.empty() || *end != '\0') {
      return InvalidArgumentError(file.string() + ", line " + std::to_string(number) +
                                  ": expected `query Q0 document rank score tag`");
    }
    scored[query].push_back({document, value});
  }
  Rankings run;
  for (auto& [query, documents] : scored) {
    std::stable_sort(
        documents.begin(), documents.end(),
        [](const RankedDocument& a, const RankedDocument& b) { return a.score > b.score; });
    for (RankedDocument& document : documents) run[query].push_back(std::move(document.id));
  }
  return run;
}

RunWriter::RunWriter(std::filesystem::path file)
    : file_(std::move(file)), out_(file_, std::ios::trunc) {
  out_.precision(kScoreDigits);
}

StatusOr<RunWriter> RunWriter::Create(const std::filesystem::path& file) {
  RunWriter writer(file);
  if (!writer.out_) return InvalidArgumentError("cannot write the run file " + file.string());
  return writer;
}

void RunWriter::Add(const std::string& query, const std::vector<RankedDocument>& ranking) {
  size_t rank = 0;
  for (const RankedDocument& document : ranking)
    out_ << query << " Q0 " << document.id << " " << ++rank << " " << document.score
         << " footnote\n";
}

Status RunWriter::Close() {
  out_.close();
  if (out_) return OkStatus();
  return ResourceExhaustedError("the run file " + file_.string() +
                                " could not be written to its end: is the disk full?");
}

}  // namespace footnote::server
