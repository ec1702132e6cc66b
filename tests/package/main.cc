// Asks an installed Footnote for what needs no model: it links, and its headers stand alone.
#include <cstdio>

#include "common/text/sentences.h"
#include "generator/model.h"
#ifdef HAVE_SERVICE
#include "retriever/filter.h"
#include "server/answer_service.h"
#endif

int main() {
  if (footnote::SplitSentences("One. Two.").size() != 2) return 1;
  if (footnote::generator::Model::Load("/nonexistent.gguf", {}).ok()) return 2;
#ifdef HAVE_SERVICE
  if (!footnote::retriever::Filter::Parse("year >= 2020").ok()) return 3;
  if (footnote::server::AnswerService::CheckQuestion("").ok()) return 4;
#endif
  std::puts("ok");
  return 0;
}
