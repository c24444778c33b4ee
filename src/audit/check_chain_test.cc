// What lies between the products of a GPT-2, whose rows are computed here by its definition; the runs of
// check_test and attack_test are those of a llama.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <tuple>

#include "audit/check_parts.h"
#include "audit/number.h"
#include "audit/test_support.h"

namespace assay::audit::internal {
namespace {

using tensor::expect_error;
using testing::HasSubstr;
using Values = std::vector<double>;

constexpr std::size_t kWidth = 8;
constexpr std::size_t kHeads = 2;
constexpr std::size_t kInner = 32;
constexpr std::size_t kTokens = 20;
constexpr std::size_t kPositions = 5;
constexpr FloatFormat kFormat = format_of(RowDtype::kBF16);
constexpr const char* kConfig = R"({"model_type":"gpt2","n_embd":8,"n_head":2})";

std::vector<weights::Written> tensors_of_gpt2() {
  std::vector<weights::Written> tensors = {{"wte.weight", {kTokens, kWidth}},
                                           {"wpe.weight", {kPositions, kWidth}},
                                           {"h.0.ln_1.weight", {kWidth}},
                                           {"h.0.ln_1.bias", {kWidth}},
                                           {"h.0.ln_2.weight", {kWidth}},
                                           {"h.0.ln_2.bias", {kWidth}},
                                           {"h.0.attn.c_attn.weight", {kWidth, 3 * kWidth}},
                                           {"h.0.attn.c_attn.bias", {3 * kWidth}},
                                           {"h.0.attn.c_proj.weight", {kWidth, kWidth}},
                                           {"h.0.mlp.c_fc.weight", {kWidth, kInner}},
                                           {"h.0.mlp.c_proj.weight", {kInner, kWidth}},
                                           {"ln_f.weight", {kWidth}},
                                           {"ln_f.bias", {kWidth}}};
  test::Normal normal(8);
  for (weights::Written& one : tensors)
    for (std::size_t i = weights::byte_count(one) / 2; i > 0; --i)
      tensor::append(one.bytes, test::bf16_bits(normal()));
  return tensors;
}

/// A run of two prompt tokens and two answer tokens, of which the second is opened, with its attention.
class Gpt2Run : public testing::Test {
 protected:
  Gpt2Run() { compute(); }

  [[nodiscard]] Values values(const std::string& name) const {
    const auto written =
        std::ranges::find(tensors_, name, [](const weights::Written& one) { return one.name; });
    return values_of(written->bytes, RowDtype::kBF16, name).value();
  }
  static Values rounded(Values row) {
    for (double& value : row) value = round_to(value, kFormat);
    return row;
  }
  static Values sum(const Values& a, const Values& b) {
    Values out(a.size());
    for (std::size_t i = 0; i < a.size(); ++i) out[i] = a[i] + b[i];
    return rounded(out);
  }
  static Values piece(const Values& from, std::size_t index, std::size_t size) {
    const auto first = from.begin() + static_cast<std::ptrdiff_t>(index * size);
    return {first, first + static_cast<std::ptrdiff_t>(size)};
  }
  [[nodiscard]] Values norm(const std::string& name, const Values& row) const {
    const Values weight = values(name + ".weight");
    const Values bias = values(name + ".bias");
    double mean = 0;
    double variance = 0;
    for (const double value : row) mean += value / kWidth;
    for (const double value : row) variance += (value - mean) * (value - mean) / kWidth;
    Values out(kWidth);
    for (std::size_t i = 0; i < kWidth; ++i)
      out[i] = (row[i] - mean) / std::sqrt(variance + 1e-5) * weight[i] + bias[i];
    return rounded(out);
  }
  /// A layer whose weight is kept as [in, out].
  [[nodiscard]] Values layer(const std::string& name, const Values& input) const {
    const Values weight = values(name + ".weight");
    const std::size_t outputs = weight.size() / input.size();
    Values out = name.ends_with("c_attn") ? values(name + ".bias") : Values(outputs);
    for (std::size_t i = 0; i < input.size(); ++i)
      for (std::size_t j = 0; j < outputs; ++j) out[j] += input[i] * weight[i * outputs + j];
    return rounded(out);
  }
  /// In bf16 each step of the formula is an operation of its own.
  static Values gelu(const Values& row) {
    const auto round = [](double value) { return round_to(value, kFormat); };
    Values out;
    for (const double x : row) {
      const double inner = round(x + round(0.044715 * round(x * x * x)));
      out.push_back(round(round(0.5 * x) * round(1 + round(std::tanh(round(0.7978845608028654 * inner))))));
    }
    return out;
  }
  [[nodiscard]] Values attend(const std::vector<Values>& qkv) const {
    constexpr std::size_t kHead = kWidth / kHeads;
    Values out;
    for (std::size_t h = 0; h < kHeads; ++h) {
      const auto part = [&](std::size_t token, std::size_t which) {
        return piece(piece(qkv[token], which, kWidth), h, kHead);
      };
      Values weights;
      double total = 0;
      for (std::size_t j = 0; j < qkv.size(); ++j) {
        double score = 0;
        for (std::size_t i = 0; i < kHead; ++i) score += part(qkv.size() - 1, 0)[i] * part(j, 1)[i];
        weights.push_back(std::exp(score / 2));
        total += weights.back();
      }
      for (std::size_t i = 0; i < kHead; ++i) {
        double value = 0;
        for (std::size_t j = 0; j < qkv.size(); ++j) value += weights[j] / total * part(j, 2)[i];
        out.push_back(value);
      }
    }
    return rounded(out);
  }

  /// The token of a position.
  [[nodiscard]] std::uint32_t token(std::size_t position) const {
    return position < 2 ? request_.prompt_token_ids[position] : request_.output_token_ids[position - 2];
  }

  void compute() {
    std::vector<Values> qkv;
    for (std::size_t position = 0; position < 3; ++position) {
      const std::uint64_t step = position < 2 ? 0 : 1;
      const auto put = [&](std::uint32_t block, Role role, const Values& row) {
        rows_[{step, {block, role}, position}] = to_row(row, RowDtype::kBF16);
        return row;
      };
      const Values residual = put(0, Role::kResidual,
                                  sum(piece(values("wte.weight"), token(position), kWidth),
                                      piece(values("wpe.weight"), position, kWidth)));
      const Values input = norm("h.0.ln_1", residual);
      qkv.push_back(put(0, Role::kQkv, layer("h.0.attn.c_attn", input)));
      if (position == 0) continue;
      put(0, Role::kQkvInput, input);
      const Values o = put(0, Role::kO, layer("h.0.attn.c_proj", put(0, Role::kOInput, attend(qkv))));
      const Values middle = sum(residual, o);
      const Values up =
          put(0, Role::kUp, layer("h.0.mlp.c_fc", put(0, Role::kMlpInput, norm("h.0.ln_2", middle))));
      const Values down = put(0, Role::kDown, layer("h.0.mlp.c_proj", put(0, Role::kDownInput, gelu(up))));
      const Values last = put(1, Role::kResidual, sum(middle, down));
      const Values logits_input = put(Wire::kNoBlock, Role::kFinalNorm, norm("ln_f", last));
      Values logits;
      for (std::size_t t = 0; t < kTokens; ++t) {
        double sum = 0;
        for (std::size_t i = 0; i < kWidth; ++i)
          sum += logits_input[i] * piece(values("wte.weight"), t, kWidth)[i];
        logits.push_back(sum);
      }
      logits = put(Wire::kNoBlock, Role::kLogits, rounded(logits));
      request_.output_token_ids[1] =
          static_cast<std::uint32_t>(std::ranges::max_element(logits) - logits.begin());
    }
  }

  /// What a question about the rows as they are now comes to.
  template <class Ask>
  auto ask(const Ask& ask) const {
    const weights::ModelFolder files(kConfig);
    files.whole(tensors_);
    const Reference reference = Reference::of(files.open().value(), RowDtype::kBF16, {}).value();
    Openings openings;
    for (const auto& [key, bytes] : rows_) {
      const auto& [step, wire, position] = key;
      if (openings.steps.empty() || openings.steps.back().step.index != step)
        openings.steps.emplace_back().step.index = step;
      const RowDtype dtype = bytes.empty() ? RowDtype::kDropped : RowDtype::kBF16;
      openings.steps.back().rows.push_back(
          {{wire, dtype, position, static_cast<std::uint32_t>(bytes.size())}, bytes});
    }
    const Head head;
    const Expectation expected = {{}, request_, {{}, {1}, {{1, 0}}}, tolerance_};
    const Question question{head, openings, expected, reference};
    return ask(question, OpenedRows(openings));
  }
  /// "" or what is found, of the chain, of attention and of the token.
  [[nodiscard]] std::string chain() const { return text_of(ask(check_chain).value()); }
  [[nodiscard]] std::string attention() const { return text_of(ask(check_attention).value()); }
  [[nodiscard]] std::string tokens() const { return text_of(ask(check_tokens).value()); }
  static std::string text_of(const Found& found) { return found ? found->step + ": " + found->reason : ""; }

  /// The row of a role at a position of step 1, or of the prompt.
  Bytes& row(Role role, std::uint64_t position = 2, std::uint32_t block = 0) {
    return rows_.at({position < 2 ? 0U : 1U, {block, role}, position});
  }

  std::vector<weights::Written> tensors_ = tensors_of_gpt2();
  Request request_ = {{}, {3, 7}, {11, 0}};
  Tolerance tolerance_ = Tolerance::of(RowDtype::kBF16);
  std::map<std::tuple<std::uint64_t, Wire, std::uint64_t>, Bytes> rows_;
};

TEST_F(Gpt2Run, ThatIsHonestFollows) {
  EXPECT_EQ(chain(), "");
  EXPECT_EQ(attention(), "");
  EXPECT_EQ(tokens(), "");
  const auto products = ask(opened_products).value();
  EXPECT_EQ(products.size(), 5U + 2U) << "four layers and the head, and qkv of both tokens before";
  EXPECT_EQ(std::ranges::count(products, true, &Product::recomputed), 2);
  EXPECT_FALSE(ask([&](const Question& q, const OpenedRows&) {
                 return check_by_weights(*q.reference.folder(), q.facts(), products, q.expected.tolerance);
               })
                   .value()
                   .failure);
}

TEST_F(Gpt2Run, StartsWithTheEmbeddingOfTokenAndPosition) {
  for (const std::uint64_t position : {0U, 1U, 2U}) {
    const Bytes kept = row(Role::kResidual, position);
    row(Role::kResidual, position)[3] ^= 1;
    EXPECT_EQ(chain(), fmt::format("chain: position {} does not start with the embedding of token {}",
                                   position, token(position)));
    row(Role::kResidual, position) = kept;
  }
  std::swap(row(Role::kResidual, 0), row(Role::kResidual, 1));
  EXPECT_THAT(chain(), HasSubstr("position 0 does not start"));
  std::swap(row(Role::kResidual, 0), row(Role::kResidual, 1));
  row(Role::kResidual, 0).clear();
  EXPECT_EQ(chain(), "") << "of a row that is not there nothing is said";
}

TEST_F(Gpt2Run, OfATokenOrPositionWithoutEmbeddingIsRejected) {
  request_.prompt_token_ids[1] = kTokens;
  EXPECT_EQ(chain(), "chain: wte.weight has no row 20");
  request_.prompt_token_ids[1] = kTokens - 1;
  EXPECT_EQ(chain(), "chain: position 1 does not start with the embedding of token 19");
  request_.prompt_token_ids[1] = 7;
  const auto resized = [&](const std::string& name, const tensor::Shape& shape) {
    auto& one = *std::ranges::find(tensors_, name, [](const weights::Written& t) { return t.name; });
    one.shape = shape;
    one.bytes.resize(weights::byte_count(one));
  };
  resized("wpe.weight", {2, kWidth});
  EXPECT_EQ(chain(), "chain: wpe.weight has no row 2");
  for (const tensor::Shape& shape :
       {tensor::Shape{kPositions, kWidth - 1}, {kPositions * kWidth}, {kPositions, kWidth, 1}}) {
    resized("wpe.weight", shape);
    expect_error(ask(check_chain), ErrorCode::kMismatch, "wpe.weight: the folder has no such embedding");
  }
  std::erase_if(tensors_, [](const weights::Written& one) { return one.name == "wpe.weight"; });
  expect_error(ask(check_chain), ErrorCode::kMismatch, "wpe.weight: the folder has no such embedding");
}

TEST_F(Gpt2Run, IsRejectedWhereALinkOfItsChainIsAnother) {
  const auto with = [&](Bytes& changed) {
    const Bytes kept = changed;
    changed[1] ^= 0x20;  // of the exponent
    const std::string found = chain();
    changed = kept;
    return found;
  };
  EXPECT_THAT(with(row(Role::kQkvInput)), HasSubstr("the input of attention is not the norm"));
  EXPECT_THAT(with(row(Role::kO)), HasSubstr("the input of the MLP is not the norm"));
  EXPECT_THAT(with(row(Role::kMlpInput)), HasSubstr("the input of the MLP is not the norm"));
  EXPECT_THAT(with(row(Role::kUp)), HasSubstr("not what the activation gives"));
  EXPECT_THAT(with(row(Role::kDownInput)), HasSubstr("not what the activation gives"));
  EXPECT_THAT(with(row(Role::kDown)), HasSubstr("the next residual"));
  EXPECT_THAT(with(row(Role::kResidual, 2, 1)), HasSubstr("the next residual"));
  EXPECT_THAT(with(row(Role::kFinalNorm, 2, Wire::kNoBlock)), HasSubstr("the final norm"));
  for (const Role role :
       {Role::kQkvInput, Role::kO, Role::kMlpInput, Role::kUp, Role::kDownInput, Role::kDown}) {
    const Bytes kept = row(role);
    row(role).clear();
    EXPECT_EQ(chain(), "") << to_string(role) << " is not there";
    row(role) = kept;
  }
}

TEST_F(Gpt2Run, LooksAtAttentionWhereAllOfItIsThere) {
  row(Role::kOInput)[1] ^= 0x20;
  EXPECT_THAT(attention(), HasSubstr("attention: block 0: a head is off by"));
  for (const std::uint64_t position : {0U, 1U, 2U}) {
    const Bytes kept = row(Role::kQkv, position);
    row(Role::kQkv, position).clear();
    EXPECT_EQ(attention(), "") << position << " is not there";
    row(Role::kQkv, position) = kept;
  }
  row(Role::kOInput).clear();
  EXPECT_EQ(attention(), "");
}

TEST_F(Gpt2Run, MayBeAsFarOffInAttentionAsTheBound) {
  Measured measured;
  ASSERT_TRUE(ask([&](const Question& q, const OpenedRows& rows) {
                return check_attention({q.head, q.openings, q.expected, q.reference, &measured}, rows);
              }).ok());
  ASSERT_EQ(measured.attention.size(), 1U);
  ASSERT_GT(measured.attention[0], 0);
  tolerance_.attention_error = measured.attention[0];
  EXPECT_EQ(attention(), "");
  tolerance_.attention_error = std::nextafter(measured.attention[0], 0);
  EXPECT_THAT(attention(), HasSubstr("attention: block 0: a head is off by"));
}

// A key has no marks of rows that are sums of two embeddings, and does not pass over that in silence.
TEST_F(Gpt2Run, SaysWhereItsEmbeddingIsNotChecked) {
  const weights::ModelFolder files(kConfig);
  files.whole(tensors_);
  const weights::Folder folder = files.open().value();
  const tensor::TempDir directory;
  const std::string pem = encode_signing_key(test::provider_key());
  ASSERT_TRUE(write_private_file(directory / "key",
                                 ByteSpan(reinterpret_cast<const std::uint8_t*>(pem.data()), pem.size()),
                                 AtomicFile::Existing::kKeep)
                  .ok());
  Recorder::Options options;
  options.folder = directory / "log";
  options.memory_bytes = 1 << 20;
  const auto recorder = Recorder::open(options).value();
  const std::uint64_t run = recorder->begin_run({request_.digest(), request_.nonce, {}, "tests"}).value();
  for (const std::uint64_t step : {0U, 1U}) {
    for (const auto& [key, bytes] : rows_) {
      const auto& [of_step, wire, position] = key;
      const Span span{run, 0, 1, position};
      if (of_step == step)
        recorder->record(wire, RowDtype::kBF16, bytes.data(), 1, bytes.size(), std::span(&span, 1));
    }
    recorder->finish_step(run, request_.output_token_ids[step]);
  }
  const std::filesystem::path log = recorder->folder_of(run).value();
  const Head head = recorder->finish_run(run, directory / "key").value();
  const Challenge asked = {head.digest(), {1}, {{1, 0}}};
  const Openings given = test::SampleRun::decode(open_run(RunFolder::open(log).value(), asked).value());
  const Expectation expected = {{}, request_, asked, tolerance_};
  const auto verdict_of = [&](const Reference& reference) {
    Verdict verdict = judge(head, &given, expected, reference).value();
    EXPECT_TRUE(verdict.ok()) << verdict.step() << ": " << verdict.reason();
    return verdict;
  };
  const auto note = testing::Contains(
      "that the first residual is the token's embedding is not checked: a key does not hold it");
  EXPECT_THAT(verdict_of(Reference::of(folder, RowDtype::kBF16, {}).value()).notes(), testing::Not(note));
  EXPECT_THAT(verdict_of(Reference::of(Key::enroll(folder, {}, World::system()).value().front())).notes(),
              note);
}

TEST_F(Gpt2Run, ProductsAreThoseOfRowsThatAreThere) {
  const auto count = [&](Bytes& gone) {
    const Bytes kept = gone;
    gone.clear();
    const std::size_t found = ask(opened_products).value().size();
    gone = kept;
    return found;
  };
  EXPECT_EQ(count(row(Role::kUp)), 6U) << "an output";
  EXPECT_EQ(count(row(Role::kDownInput)), 6U) << "an input";
  EXPECT_EQ(count(row(Role::kQkv, 0)), 6U) << "of a token before";
  EXPECT_EQ(count(row(Role::kResidual, 0)), 6U) << "that it would follow from";
  EXPECT_EQ(count(row(Role::kQkv)), 6U);
}

TEST_F(Gpt2Run, DeliversTheTokenOfTheLargestLogit) {
  Values logits(kTokens);
  logits[5] = logits[kTokens - 1] = 2;
  const auto with_token = [&](std::uint32_t token) {
    request_.output_token_ids[1] = token;
    return tokens();
  };
  row(Role::kLogits, 2, Wire::kNoBlock) = to_row(logits, RowDtype::kBF16);
  EXPECT_EQ(with_token(5), "");
  EXPECT_EQ(with_token(kTokens - 1), "") << "either of the two";
  EXPECT_EQ(with_token(4), "token: token 5 has the largest logit, 4 was delivered");
  EXPECT_EQ(with_token(kTokens), "token: there is no token 20");
  request_.sampling = "temperature 0.7";
  EXPECT_EQ(with_token(4), "");
  request_.sampling = "greedy";
  row(Role::kLogits, 2, Wire::kNoBlock).clear();
  EXPECT_EQ(with_token(4), "");
}

}  // namespace
}  // namespace assay::audit::internal
