// `footnote ask|search --server`: the command as a user runs it, the server in this process.

#include <gtest/gtest.h>

#include "server/admission.h"
#include "server/answer_json.h"
#include "server/api_convert.h"
#include "server/grpc_server.h"
#include "tests/testing/run_command.h"
#include "tests/testing/scripted_api.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace footnote::server {
namespace {

using testing::CommandOutput;

Answer LeaseAnswer() {
  Answer answer;
  answer.text = "The rent is 950 EUR.";
  answer.answerability = 0.9;
  answer.grounding_score = 1;
  Passage passage;
  passage.document_id = "lease.md";
  passage.version = "aa";
  passage.title = "Lease";
  passage.span = {10, 30};
  passage.score = 0.87654;
  answer.passages = {passage};
  answer.sentences = {{"The rent is 950 EUR.", {0, 20}, 1, SentenceOrigin::kGenerated, {1}}};
  Citation citation;
  citation.number = 1;
  citation.document_id = "lease.md";
  citation.version = "aa";
  citation.title = "Lease";
  citation.span = {10, 30};
  citation.quote = "The rent is 950 EUR.";
  citation.content_sha256 = "bb";
  citation.score = 1;
  answer.citations = {citation};
  answer.record.corpus = "legal";
  answer.record.seed = 7;
  answer.tokens = {100, 8, 3};
  answer.timings = {1.5, 2, 3, 4, 5, 6.25};
  return answer;
}

class RemoteCommand : public ::testing::Test {
 protected:
  void Start() {
    auto started = GrpcServer::Start({"127.0.0.1:0"}, &api_, &admission_, &metrics_);
    ASSERT_OK(started);
    server_ = *std::move(started);
  }
  CommandOutput Run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), FOOTNOTE_BINARY);
    arguments.insert(arguments.end(), {"--server", server_->address()});
    return Execute(arguments);
  }
  CommandOutput Execute(const std::vector<std::string>& arguments) {
    // A home without corpora: whatever comes, comes from the server.
    StatusOr<CommandOutput> output =
        testing::RunCommand(arguments, {{"FOOTNOTE_HOME", home_.path().string()},
                                        {"FOOTNOTE_CACHE", (home_ / "no-models").string()}});
    EXPECT_OK(output);
    return output.ok() ? *output : CommandOutput{};
  }
  void AnswerWith(const Answer& answer) {
    api_.ask = [this, answer](const v1::AskRequest& request, const CallContext&, const auto& emit) {
      asked_ = request;
      v1::AskResponse event;
      *event.mutable_answer() = ToProto(answer);
      emit(event);
      return OkStatus();
    };
  }
  void AnswerNever() {
    api_.ask = [this](const v1::AskRequest&, const CallContext& call, const auto&) {
      return api_.RunUntilStopped(call, [] {});
    };
  }

  testing::TempDir home_;
  testing::ScriptedApi api_;
  Admission admission_{AdmissionLimits{}};
  Metrics metrics_;
  std::unique_ptr<GrpcServer> server_;
  v1::AskRequest asked_;
};

TEST_F(RemoteCommand, AskPrintsTheSameJsonAsWithoutServer) {
  AnswerWith(LeaseAnswer());
  Start();
  const CommandOutput output = Run({"ask", "legal", "What is the rent?", "--json"});
  EXPECT_EQ(output.exit_status, 0) << output.err;
  EXPECT_EQ(output.out, Dump(ToJson(LeaseAnswer())) + "\n");
}

TEST_F(RemoteCommand, AskPrintsSentencesAndFootnotes) {
  AnswerWith(LeaseAnswer());
  Start();
  const CommandOutput output = Run({"ask", "legal", "What is the rent?"});
  EXPECT_EQ(output.out.find("The rent is 950 EUR. [1]\n"), 0) << output.out;
  EXPECT_NE(output.out.find("[1] Lease (lease.md, bytes 10–30), support 1.00"), std::string::npos)
      << output.out;
}

TEST_F(RemoteCommand, AskSendsItsOptions) {
  AnswerWith(LeaseAnswer());
  Start();
  const CommandOutput output =
      Run({"ask", "legal", "What is the rent?", "--filter", "year >= 2020", "--as", "user:ann",
           "--document", "lease.md", "--risk", "strict", "--seed", "7"});
  EXPECT_EQ(output.exit_status, 0) << output.err;
  EXPECT_EQ(asked_.corpus(), "legal");
  EXPECT_EQ(asked_.question(), "What is the rent?");
  EXPECT_EQ(asked_.filter(), "year >= 2020");
  EXPECT_EQ(asked_.document_id(), "lease.md");
  EXPECT_EQ(asked_.risk(), v1::STRICT);
  EXPECT_EQ(asked_.seed(), 7);
  ASSERT_EQ(asked_.principals_size(), 1);
  EXPECT_EQ(asked_.principals(0), "user:ann");
}

TEST_F(RemoteCommand, SearchPrintsTheSameJsonAsWithoutServer) {
  retriever::RetrievalResult result;
  result.passages = LeaseAnswer().passages;
  result.passages[0].text = "The rent is 950 EUR.";
  result.generation = 4;
  v1::SearchRequest asked;
  api_.search = [&](const v1::SearchRequest& request, const CallContext&) {
    asked = request;
    return ToProto(result);
  };
  Start();
  const CommandOutput output =
      Run({"search", "legal", "rent", "--top-k", "3", "--exact", "--json"});
  EXPECT_EQ(output.exit_status, 0) << output.err;
  EXPECT_EQ(output.out, Dump(ToJson(result)) + "\n");
  EXPECT_EQ(asked.query(), "rent");
  EXPECT_EQ(asked.top_k(), 3);
  EXPECT_TRUE(asked.exact());
}

TEST_F(RemoteCommand, OptionsThatTheServerHasChosenAreWrongUsage) {
  Start();
  for (const std::vector<std::string>& extra :
       std::vector<std::vector<std::string>>{{"--generator", "x"},
                                             {"--embedder", "x"},
                                             {"--replay", "x"},
                                             {"--threads", "1"},
                                             {"--reranker", "x"},
                                             {"--rerank-depth", "9"}}) {
    const CommandOutput output = Run({"ask", "legal", "rent?", extra[0], extra[1]});
    EXPECT_EQ(output.exit_status, 2) << extra[0];
    EXPECT_NE(output.err.find(extra[0] + " cannot be given with --server"), std::string::npos)
        << output.err;
  }
  EXPECT_EQ(Run({"search", "legal", "rent", "--fusion", "rrf"}).exit_status, 2);
  EXPECT_EQ(Run({"search", "legal", "rent", "--reranker", "x"}).exit_status, 2);
}

TEST_F(RemoteCommand, ErrorsOfTheServerAreOneSentence) {
  api_.ask = [](const v1::AskRequest&, const CallContext&, const auto&) {
    return NotFoundError("no corpus \"legal\"");
  };
  Start();
  const CommandOutput output = Run({"ask", "legal", "rent?"});
  EXPECT_EQ(output.exit_status, 1);
  EXPECT_EQ(output.err, "footnote: no corpus \"legal\"\n");
  EXPECT_EQ(output.out, "");
}

TEST_F(RemoteCommand, NoServerIsSaidWithTheRemedy) {
  Start();
  const std::string address = server_->address();
  server_.reset();
  const CommandOutput output =
      Execute({FOOTNOTE_BINARY, "search", "legal", "rent", "--server", address});
  EXPECT_EQ(output.exit_status, 1);
  EXPECT_NE(output.err.find("no server answers at " + address), std::string::npos) << output.err;
}

TEST_F(RemoteCommand, TimeoutStopsTheServer) {
  AnswerNever();
  Start();
  const CommandOutput output = Run({"ask", "legal", "rent?", "--timeout-ms", "100"});
  EXPECT_EQ(output.exit_status, 1);
  EXPECT_NE(output.err.find("deadline"), std::string::npos) << output.err;
  EXPECT_TRUE(admission_.WaitIdle(std::chrono::seconds(10)));
  EXPECT_EQ(api_.stopped, 1);
}

TEST_F(RemoteCommand, InterruptStopsTheServer) {
  AnswerNever();
  Start();
  // --foreground: one signal; a second one ends the process the ordinary way.
  const CommandOutput output =
      Execute({"/usr/bin/timeout", "--foreground", "--preserve-status", "--signal=INT", "1",
               FOOTNOTE_BINARY, "ask", "legal", "rent?", "--server", server_->address()});
  EXPECT_EQ(output.exit_status, 1) << output.err;
  EXPECT_NE(output.err.find("cancelled"), std::string::npos) << output.err;
  EXPECT_TRUE(admission_.WaitIdle(std::chrono::seconds(10)));
  EXPECT_EQ(api_.stopped, 1);
}

}  // namespace
}  // namespace footnote::server
