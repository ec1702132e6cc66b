// A gRPC server over a scripted Api on a free port, and channels to it.
#pragma once

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "footnote/v1/answers.grpc.pb.h"
#include "footnote/v1/corpora.grpc.pb.h"
#include "footnote/v1/models.grpc.pb.h"
#include "server/grpc_server.h"
#include "tests/testing/scripted_api.h"
#include "tests/testing/status_matchers.h"

namespace footnote::server {

class GrpcFixture : public ::testing::Test {
 protected:
  // Tests replace the api's functions first.
  void Start(const AdmissionLimits& limits = {}) {
    admission_ = std::make_unique<Admission>(limits);
    auto started = GrpcServer::Start({"127.0.0.1:0"}, &api_, admission_.get(), &metrics_);
    ASSERT_OK(started);
    server_ = *std::move(started);
    channel_ = NewChannel();
    answers_ = v1::AnswerService::NewStub(channel_);
    corpora_ = v1::CorpusService::NewStub(channel_);
    models_ = v1::ModelService::NewStub(channel_);
  }

  // A connection of its own: channels with the same arguments share one otherwise.
  std::shared_ptr<grpc::Channel> NewChannel() {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
    return grpc::CreateCustomChannel(server_->address(), grpc::InsecureChannelCredentials(),
                                     arguments);
  }

  // Looks until `done` or ten seconds are over.
  static bool Eventually(const std::function<bool()>& done) {
    for (int i = 0; i < 1000; ++i) {
      if (done()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return done();
  }

  // Waits so long for anything that should come at once, so that a failure is not a hang.
  static std::chrono::system_clock::time_point Soon() {
    return std::chrono::system_clock::now() + std::chrono::seconds(20);
  }

  testing::ScriptedApi api_;
  Metrics metrics_;
  std::unique_ptr<Admission> admission_;
  std::unique_ptr<GrpcServer> server_;  // before Admission goes
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::AnswerService::Stub> answers_;
  std::unique_ptr<v1::CorpusService::Stub> corpora_;
  std::unique_ptr<v1::ModelService::Stub> models_;
};

}  // namespace footnote::server
