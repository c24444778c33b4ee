// Runs in blocks: their commitments, the log of them, and who would rewrite either.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <optional>

#include "assay/claim_log.h"
#include "claim/kinds.h"
#include "claim/test_support.h"

namespace assay::claim {
namespace {

constexpr std::uint64_t kWidth = 5;

/// Two layers of as many tokens, bf16.
struct RunSample {
  std::vector<std::vector<std::uint16_t>> layers;

  explicit RunSample(std::uint64_t tokens) : layers(2) {
    for (std::size_t l = 0; l < 2; ++l)
      for (std::uint64_t i = 0; i < tokens * kWidth; ++i)
        layers[l].push_back(static_cast<std::uint16_t>(0x3f80 + 11 * i + l));
  }
  [[nodiscard]] std::uint64_t tokens() const { return layers[0].size() / kWidth; }
  [[nodiscard]] std::vector<tensor::TensorView> views(std::uint64_t first, std::uint64_t count) const {
    std::vector<tensor::TensorView> out;
    for (std::size_t l = 0; l < 2; ++l) {
      const auto* bytes = reinterpret_cast<const std::uint8_t*>(layers[l].data() + first * kWidth);
      out.push_back(
          {l == 0 ? "a" : "b", tensor::Dtype::kBF16, {count, kWidth}, {bytes, count * kWidth * 2}, nullptr});
    }
    return out;
  }
  [[nodiscard]] Arrays arrays() const { return {views(0, tokens()), {}, true}; }
};

pst::Srs srs_of_blocks() { return pst::Srs::dev(test::axes_of({2, 4, 5}), 7).value(); }

Header header_of_blocks(std::uint64_t first_token = 0) {
  return plan_block(RunSample(1).arrays(), {}, 4, first_token, "run").value();
}

std::vector<Commitment> blocks_of(const RunSample& run, std::uint64_t first_token = 0,
                                  std::uint64_t step = 100) {
  BlockStream stream = BlockStream::begin(srs_of_blocks(), header_of_blocks(first_token)).value();
  for (std::uint64_t token = 0; token < run.tokens(); token += step)
    EXPECT_TRUE(stream.add(run.views(token, std::min(step, run.tokens() - token))).ok());
  EXPECT_TRUE(stream.end_turn().ok());
  return stream.take();
}

TEST(BlockStream, MakesTheCommitmentOfEachBlocksTokens) {
  const RunSample run(10);
  for (const std::uint64_t step : {1U, 3U, 4U, 100U}) {
    const std::vector<Commitment> blocks = blocks_of(run, 0, step);
    ASSERT_EQ(blocks.size(), 3u);
    for (std::size_t k = 0; k < 3; ++k) {
      const std::uint64_t count = k < 2 ? 4 : 2;
      const Arrays some{run.views(4 * k, count), {}, true};
      Header header = plan_subject(some, {}, "block").value();
      std::vector<encode::LayerShape> shapes{{"a", {count, kWidth}, ""}, {"b", {count, kWidth}, ""}};
      header.layout = encode::plan_model(shapes, 4).value();
      header.first_token = 4 * k;
      std::vector<tensor::IntegerTensor> layers;
      for (const tensor::TensorView& view : some.views)
        layers.push_back({view.name, view.shape, encode::encode(view, header.encoding).value(), ""});
      const tensor::IntegerArray values = encode::apply_layout(header.layout, layers).value();
      EXPECT_EQ(blocks[k].encode(), commit(srs_of_blocks(), header, values.view()).value().encode());
      // The prover opens a block out of the whole run.
      const Captured block =
          captured_like(blocks[k].header, arrays_of_block(run.arrays(), blocks[k].header, "run").value(), {},
                        "run")
              .value();
      EXPECT_EQ(block.fault, "");
      const Query layer = query_of_slice(blocks[k].header.layout, {"b", {}, {}}).value();
      const Proofs proofs =
          prove(srs_of_blocks(), blocks[k], block.laid_out(header.layout)->view(), std::vector<Query>{layer})
              .value();
      EXPECT_EQ(proofs.value_count(0), count * kWidth);
      VerifyOptions options;
      options.captured = &block;
      EXPECT_TRUE(test::verdict_of(blocks[k], proofs, TensorChecker(srs_of_blocks()), options).ok());
      // Under the next block's name it is none.
      if (k > 0) {
        Proofs other = proofs;
        other.commitment_digest = blocks[k - 1].digest();
        EXPECT_NE(test::verdict_of(blocks[k - 1], other, TensorChecker(srs_of_blocks())).step(), "");
      }
    }
  }
}

TEST(BlockStream, ManyTurns) {
  BlockStream stream = BlockStream::begin(srs_of_blocks(), header_of_blocks()).value();
  const RunSample run(10);
  ASSERT_TRUE(stream.add(run.views(0, 5)).ok());
  ASSERT_TRUE(stream.end_turn().ok());
  ASSERT_TRUE(stream.end_turn().ok());  // nothing is open
  ASSERT_TRUE(stream.add(run.views(5, 4)).ok());
  ASSERT_TRUE(stream.end_turn().ok());
  const std::vector<Commitment> blocks = stream.take();
  ASSERT_EQ(blocks.size(), 3u);
  EXPECT_TRUE(stream.take().empty());
  Log log;
  for (std::size_t k = 0; k < 3; ++k) {
    EXPECT_EQ(blocks[k].header.first_token, 4 * k);
    EXPECT_TRUE(log.append(blocks[k]).ok());
  }
  EXPECT_EQ(blocks[1].header.layout.layer_map[0].original_shape, (tensor::Shape{1, kWidth}));
}

TEST(BlockStream, TakesTokensOfOneBatch) {
  const RunSample run(10);
  Arrays arrays = run.arrays();
  for (tensor::TensorView& view : arrays.views) view.shape = {1, 10, kWidth};
  const Result<Header> header = plan_block(arrays, {}, 4, 4, "run");
  ASSERT_TRUE(header.ok()) << header.error().to_string();
  EXPECT_EQ(header->layout.layer_map[1].original_shape, (tensor::Shape{1, 4, kWidth}));
  const Arrays block = arrays_of_block(arrays, *header, "run").value();
  EXPECT_EQ(block.views[1].shape, (tensor::Shape{1, 4, kWidth}));
  EXPECT_TRUE(std::ranges::equal(block.views[1].bytes, run.views(4, 4)[1].bytes));
  arrays.views[1].shape = {2, 5, kWidth};
  EXPECT_EQ(plan_block(arrays, {}, 4, 4, "run").error().to_string(),
            "run: b: a layer of a run has the shape (T, H) or (1, T, H)");
}

TEST(BlockStream, Refuses) {
  EXPECT_EQ(BlockStream::begin(srs_of_blocks(), header_of_blocks(2)).error().code, ErrorCode::kMismatch);
  Header partly = header_of_blocks();
  partly.layout =
      encode::plan_model(std::vector<encode::LayerShape>{{"a", {3, kWidth}, ""}, {"b", {3, kWidth}, ""}}, 4)
          .value();
  EXPECT_EQ(BlockStream::begin(srs_of_blocks(), partly).error().code, ErrorCode::kMismatch);
  EXPECT_EQ(plan_block(RunSample(1).arrays(), {}, 0, 0, "run").error().code, ErrorCode::kOutOfRange);
  EXPECT_EQ(plan_block(RunSample(1).arrays(), {}, Axes::kMaxSize + 1, 0, "run").error().to_string(),
            "tokens of a block: 1048577 is not in 1 to 1048576");
  EXPECT_EQ(plan_block({}, {}, 4, 0, "run").error().code, ErrorCode::kUnsupported);
  const RunSample run(3);
  EXPECT_EQ(arrays_of_block(run.arrays(), header_of_blocks(), "run").error().code, ErrorCode::kMismatch);
  EXPECT_EQ(arrays_of_block(run.arrays(), test::flat_sample().commitment.header, "run").error().code,
            ErrorCode::kMismatch);
  BlockStream stream = BlockStream::begin(srs_of_blocks(), header_of_blocks()).value();
  EXPECT_EQ(stream.add({}).error().code, ErrorCode::kMismatch);
  // A block that was opened for tokens that were none is not there.
  EXPECT_EQ(stream.add(std::vector{run.views(0, 1).front()}).error().place, "layers");
  EXPECT_TRUE(stream.end_turn().ok());
  EXPECT_TRUE(stream.take().empty());
}

TEST(BlockStream, PlansBlocksOfWhatHasTokensAlone) {
  Arrays arrays = RunSample(1).arrays();
  EXPECT_EQ(plan_block(arrays, {}, Axes::kMaxSize, 0, "run")->layout.axes.to_string(), "2,1048576,5");
  for (const tensor::Shape& shape : {tensor::Shape{0, kWidth}, tensor::Shape{1, 0}, tensor::Shape{kWidth}}) {
    arrays.views[1].shape = shape;
    EXPECT_EQ(plan_block(arrays, {}, 4, 0, "run").error().to_string(),
              "run: b: a layer of a run has the shape (T, H) or (1, T, H)");
  }
  // A token fits where a block of them does not.
  const Bytes row(8192);
  const Arrays wide{{{"a", tensor::Dtype::kBF16, {1, 4096}, row, nullptr},
                     {"b", tensor::Dtype::kBF16, {1, 4096}, row, nullptr}},
                    {},
                    true};
  EXPECT_TRUE(plan_block(wide, {}, 4, 0, "run").ok());
  EXPECT_EQ(plan_block(wide, {}, Axes::kMaxSize, 0, "run").error().to_string(), "run: b: over 2^32 values");
}

// Arrays may begin with a later token of the run than the first.
TEST(BlockStream, TakesTheTokensOfABlockFromWhereArraysBegin) {
  const RunSample run(8);
  const Header header = header_of_blocks(4);
  const Arrays block = arrays_of_block({run.views(2, 6), {}, true}, header, "run", 2).value();
  EXPECT_TRUE(std::ranges::equal(block.views[1].bytes, run.views(4, 4)[1].bytes));
  const auto refused = [&](const Arrays& arrays, std::uint64_t first) {
    const Error error = arrays_of_block(arrays, header, "run", first).error();
    EXPECT_EQ(error.code, ErrorCode::kMismatch);
    return error.to_string();
  };
  EXPECT_EQ(refused(run.arrays(), 8), "run: the block begins with token 4, the arrays with 8");
  EXPECT_EQ(refused(run.arrays(), 5), "run: the block begins with token 4, the arrays with 5");
  EXPECT_EQ(refused({}, 0), "run: only a block of a run has some of its tokens");
}

struct Logged {
  std::vector<Commitment> blocks;
  Log log;

  explicit Logged(std::uint64_t count, std::uint16_t change_in = 999) {
    RunSample run(4 * count);
    if (change_in < count) run.layers[0][4 * kWidth * change_in] ^= 1;
    blocks = blocks_of(run);
    for (const Commitment& block : blocks) EXPECT_TRUE(log.append(block).ok());
  }
};

TEST(Log, ShowsEveryBlockToEveryEarlierHead) {
  for (const std::uint64_t count : {1U, 2U, 5U, 7U}) {
    const Logged now(count);
    for (std::uint64_t old = 0; old <= count; ++old) {
      std::optional<LogHead> kept;
      if (old > 0) kept = Logged(old).log.head().value();
      for (std::uint64_t i = 0; i < count; ++i) {
        const LogProof proof = LogProof::decode(now.log.prove(i, old)->encode(), "proof").value();
        const Verdict verdict = verify_log(now.blocks[i], proof, kept ? &*kept : nullptr);
        EXPECT_TRUE(verdict.ok()) << verdict.step();
        EXPECT_EQ(test::has_note(verdict, "rewritten"), old == 0);
      }
    }
  }
}

TEST(Log, WhoWouldCheat) {
  const Logged now(6), rewritten(6, 1);
  const LogHead kept = Logged(4).log.head().value();
  const LogProof good = now.log.prove(4, 4).value();
  ASSERT_TRUE(verify_log(now.blocks[4], good, &kept).ok());
  const auto step = [&](const Commitment& block, const LogProof& proof) {
    const Verdict verdict = verify_log(block, proof, &kept);
    EXPECT_EQ(verdict.outcome(), Outcome::kRejected);
    return verdict.step();
  };
  // An old block was rewritten: the new one stands in the log all the same.
  EXPECT_EQ(step(rewritten.blocks[4], rewritten.log.prove(4, 4).value()), "new root");
  const LogHead three = Logged(3).log.head().value();
  EXPECT_EQ(verify_log(rewritten.blocks[4], rewritten.log.prove(4, 3).value(), &three).step(), "old root");
  EXPECT_TRUE(verify_log(rewritten.blocks[4], rewritten.log.prove(4).value(), nullptr).ok());
  // A block of another place, in the log and by its own header.
  EXPECT_EQ(step(now.blocks[3], good), "block");
  Commitment moved = now.blocks[3];
  moved.header.first_token = 16;
  EXPECT_EQ(step(moved, good), "root");
  EXPECT_TRUE(verify_log(now.blocks[3], now.log.prove(3, 4).value(), &kept).ok());
}

// Tokens 2 and 3 stand in block 0, and once more, with other values, in a block of two tokens behind it.
TEST(Log, NoTokenStandsTwice) {
  const std::vector<Commitment> wide = blocks_of(RunSample(4));
  const pst::Srs srs = pst::Srs::dev(test::axes_of({2, 2, 5}), 7).value();
  BlockStream stream =
      BlockStream::begin(srs, plan_block(RunSample(1).arrays(), {}, 2, 2, "run").value()).value();
  ASSERT_TRUE(stream.add(RunSample(2).views(0, 2)).ok());
  ASSERT_TRUE(stream.end_turn().ok());
  const Commitment narrow = stream.take().front();
  Log honest;
  ASSERT_TRUE(honest.append(wide[0]).ok());
  const LogHead kept = honest.head().value();
  EXPECT_EQ(honest.append(narrow).error().code, ErrorCode::kMismatch);

  const merkle::Tree tree = merkle::Tree::from_leaf_hashes(
                                2, {merkle::leaf_hash(wide[0].digest()), merkle::leaf_hash(narrow.digest())})
                                .value();
  LogProof proof{1, {2, 4, tree.root()}, tree.prove(1).value(), 1, tree.prove_consistency(1).value()};
  EXPECT_EQ(verify_log(narrow, proof, &kept).step(), "block");
  EXPECT_EQ(verify_log(narrow, proof, nullptr).step(), "block");
  proof.head.tokens = 2;
  EXPECT_EQ(verify_log(narrow, proof, &kept).step(), "log head");
}

TEST(Log, ProofsThatAreNone) {
  const Logged now(6);
  const LogHead kept = Logged(4).log.head().value();
  const auto step = [&](const std::function<void(LogProof&)>& change) {
    LogProof proof = now.log.prove(4, 4).value();
    change(proof);
    return verify_log(now.blocks[4], proof, &kept).step();
  };
  EXPECT_EQ(step([](LogProof& p) { p.old_count = 3; }), "log head");
  EXPECT_EQ(step([](LogProof& p) { p.old_count = 0, p.consistency.hashes.clear(); }), "log head");
  EXPECT_EQ(step([](LogProof& p) { p.head.count = 3; }), "index");
  EXPECT_EQ(step([](LogProof& p) { p.inclusion.hashes.pop_back(); }), "proof length");
  EXPECT_EQ(step([](LogProof& p) { p.consistency.hashes.pop_back(); }), "proof length");
  EXPECT_EQ(step([](LogProof& p) { p.inclusion.hashes[0][0] ^= 1; }), "root");
  EXPECT_EQ(step([](LogProof& p) { p.head.root[0] ^= 1; }), "root");
  EXPECT_EQ(step([](LogProof& p) { p.consistency.hashes.back()[0] ^= 1; }), "new root");
  // A log that became shorter.
  const Logged shorter(2);
  const Verdict lost = verify_log(shorter.blocks[1], shorter.log.prove(1, 2).value(), &kept);
  EXPECT_EQ(lost.step(), "log head");
  EXPECT_EQ(lost.reason(), "the log had 4 blocks before, now it has 2");
  // No block at all.
  EXPECT_EQ(verify_log(test::flat_sample().commitment, now.log.prove(0).value(), nullptr).step(), "block");
  Commitment broken = now.blocks[0];
  broken.header.layout.layer_map.clear();
  EXPECT_EQ(verify_log(broken, now.log.prove(0).value(), nullptr).step(), "header");
}

TEST(Log, TakesBlocksInTheirOrder) {
  const Logged now(3);
  Log log;
  EXPECT_EQ(log.head().error().code, ErrorCode::kOutOfRange);
  const std::vector<encode::LayerShape> line{{"array", {12}, ""}};
  const Commitment flat{{encode::plan_flat(line).value(), {}, {}}, {}};
  EXPECT_EQ(log.append(flat).error().to_string(),
            "block 0: a commitment of layout flat is not a block of a run");
  EXPECT_EQ(log.append(now.blocks[1]).error().code, ErrorCode::kMismatch);
  ASSERT_TRUE(log.append(now.blocks[0]).ok());
  EXPECT_EQ(log.append(now.blocks[0]).error().code, ErrorCode::kMismatch);
  EXPECT_EQ(log.append(test::flat_sample().commitment).error().code, ErrorCode::kMismatch);
  Commitment between = now.blocks[1];
  between.header.first_token = 5;
  EXPECT_NE(log.append(between).error().reason.find("5 is not a multiple of the 4"), std::string::npos);
  ASSERT_TRUE(log.append(now.blocks[1]).ok());
  EXPECT_EQ(log.prove(2).error().code, ErrorCode::kOutOfRange);
  EXPECT_EQ(log.prove(2).error().to_string(), "block: 2 of 2");
  EXPECT_EQ(log.prove(0, 3).error().to_string(), "head: of 3 blocks, the log has 2");
}

// No more blocks than a tree has leaves, of no more tokens than an axis has nodes.
TEST(Log, AHeadIsAsLargeAsItMayBeAndNoLarger) {
  const auto refusal = [](std::uint64_t blocks, std::uint64_t tokens) {
    LogHead head;
    head.count = blocks;
    head.tokens = static_cast<std::uint32_t>(tokens);
    const Result<LogHead> read = LogHead::decode(head.encode(), "head");
    return read.ok() ? std::string() : read.error().reason;
  };
  EXPECT_EQ(refusal(merkle::kMaxTreeLeaves, Axes::kMaxSize), "");
  EXPECT_EQ(refusal(merkle::kMaxTreeLeaves + 1, Axes::kMaxSize), "268435457 is not in 1 to 268435456");
  EXPECT_EQ(refusal(merkle::kMaxTreeLeaves, Axes::kMaxSize + 1), "1048577 is not in 1 to 1048576");
}

TEST(Log, AProofHas64HashesAtMost) {
  LogProof proof;
  proof.head = LogHead{1, 4, {}};
  proof.inclusion.hashes.resize(LogProof::kMaxHashes);
  proof.old_count = 1;
  proof.consistency.hashes.resize(LogProof::kMaxHashes);
  Bytes bytes = proof.encode();
  const Result<LogProof> most = LogProof::decode(bytes, "proof");
  ASSERT_TRUE(most.ok()) << most.error().to_string();
  EXPECT_EQ(most.value(), proof);
  constexpr std::size_t kCountAt = 8 + 4 + 8 + 4 + 32 + 8;
  ASSERT_EQ(bytes[kCountAt], 64);
  bytes[kCountAt] = 65;
  const Result<LogProof> more = LogProof::decode(bytes, "proof");
  ASSERT_FALSE(more.ok());
  EXPECT_EQ(more.error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(more.error().reason, "65 hashes, 64 are possible");
}

TEST(Log, AProofIsShownWithTheHeadItGrewFrom) {
  const test::TemporaryDirectory directory;
  const std::filesystem::path path = directory.file("proof");
  const Logged now(3);
  const auto grown_from = [&](std::uint64_t old_count) {
    EXPECT_TRUE(now.log.prove(1, old_count)->write(path).ok());
    const FileKind* const kind = find_kind(path, file_kinds()).value();
    EXPECT_EQ(kind->name, "proof from a log of blocks");
    const Json fields = kind->read(path).value();
    return fields.at("grown_from_blocks").dump();
  };
  EXPECT_EQ(grown_from(0), "null");
  EXPECT_EQ(grown_from(2), "2");
}

template <class File>
void check_every_byte(const File& file) {
  const Bytes bytes = file.encode();
  EXPECT_EQ(File::decode(bytes, "file")->encode(), bytes);
  for (std::size_t i = 0; i < bytes.size(); ++i)
    EXPECT_FALSE(File::decode(ByteSpan(bytes).first(i), "file").ok());
  Bytes longer = bytes;
  longer.push_back(0);
  EXPECT_FALSE(File::decode(longer, "file").ok());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    Bytes changed = bytes;
    changed[i] ^= 1;
    const Result<File> decoded = File::decode(changed, "file");
    if (decoded.ok()) {
      EXPECT_EQ(decoded->encode(), changed) << i;
    }
  }
}

TEST(Log, FilesAreCanonical) {
  const Logged now(5);
  check_every_byte(now.log);
  check_every_byte(now.log.head().value());
  check_every_byte(now.log.prove(3, 2).value());
  EXPECT_EQ(now.log.encode().size(), 24u + 5 * 32);
  EXPECT_EQ(now.log.head()->encode().size(), 56u);
  EXPECT_EQ(now.log.head()->tokens, 4u);
  check_every_byte(Log());
  LogProof proof = now.log.prove(3, 2).value();
  proof.old_count = 0;
  EXPECT_FALSE(LogProof::decode(proof.encode(), "proof").ok());
  proof = now.log.prove(3, 2).value();
  proof.index = 5;
  EXPECT_FALSE(LogProof::decode(proof.encode(), "proof").ok());
  proof = now.log.prove(3, 2).value();
  proof.old_count = 6;
  const Error grown = LogProof::decode(proof.encode(), "proof").error();
  EXPECT_EQ(grown.code, ErrorCode::kOutOfRange);
  EXPECT_EQ(grown.reason, "block 3 and the earlier 6 blocks are not within 5");
  // No room is made for blocks that the file does not have.
  Bytes counted = now.log.encode();
  for (const std::uint8_t count : {std::uint8_t{4}, std::uint8_t{6}}) {
    counted[12] = count;
    const Error none = Log::decode(counted, "log").error();
    EXPECT_EQ(none.code, ErrorCode::kMalformed);
    EXPECT_EQ(none.reason, std::to_string(count) + " where 160 bytes are left");
  }
  // Every changed byte of a proof is refused or rejected.
  const LogHead kept = Logged(2).log.head().value();
  const Bytes good = now.log.prove(3, 2)->encode();
  for (std::size_t i = 0; i < good.size(); ++i) {
    Bytes changed = good;
    changed[i] ^= 1;
    const Result<LogProof> decoded = LogProof::decode(changed, "proof");
    if (decoded.ok()) {
      EXPECT_FALSE(verify_log(now.blocks[3], *decoded, &kept).ok()) << i;
    }
  }
}

}  // namespace
}  // namespace assay::claim
