// footnote eval retrieval | answers | answerability | quotations |
// grounding: quality on sets of questions
// (docs/quality.md).

#include "server/commands/command.h"
#include "server/commands/eval_answerability.h"
#include "server/commands/eval_answers.h"
#include "server/commands/eval_grounding.h"
#include "server/commands/eval_quotations.h"
#include "server/commands/eval_retrieval.h"

namespace footnote::server {

void AddEvalCommand(CLI::App& app, CommandResult& result) {
  CLI::App* group = app.add_subcommand("eval", "Measure quality on a set of questions");
  group->require_subcommand(1);
  AddRetrievalEval(*group, result);
  AddAnswersEval(*group, result);
  AddAnswerabilityEval(*group, result);
  AddQuotationsEval(*group, result);
  AddGroundingEval(*group, result);
}

}  // namespace footnote::server
