// Values next to each cap, and what a check would miss that looked at one case alone.
#include <functional>

#include "base/wire.h"
#include "claim/test_support.h"

namespace assay::claim {
namespace {

using test::Sample;

/// A commitment to values that an honest program would not commit to, and its proof of one position.
struct Forgery {
  Commitment commitment;
  Proofs proofs;
};

Forgery forge(const Sample& sample, const Header& header, const IntegerView& values,
              const std::vector<Query>& points) {
  Commitment commitment{header, curve::encode(pst::commit(sample.srs, values).value())};
  Proofs proofs(commitment.digest(), static_cast<std::uint32_t>(header.layout.axes.count()));
  for (const Query& point : points)
    proofs.add(point, test::answer_of(pst::open(sample.srs, values, point.grid).value()));
  return {std::move(commitment), std::move(proofs)};
}

// Zeros are asked of the padding of a model layout in every encoding.
TEST(Edges, PaddingOfEveryEncoding) {
  const Sample sample = test::model_sample();
  using Kind = encode::Encoding::Kind;
  for (const auto& [encoding, dtype] :
       {std::pair(encode::Encoding{Kind::kInt, 0}, std::optional(tensor::Dtype::kI16)),
        {encode::Encoding{Kind::kInt, 0}, std::nullopt},
        {encode::Encoding{Kind::kBits, 0}, std::optional(tensor::Dtype::kBF16)},
        {encode::Encoding{Kind::kBits, 0}, std::nullopt},
        {encode::Encoding{Kind::kDecimal, 3}, std::optional(tensor::Dtype::kBF16)},
        {encode::Encoding{Kind::kDecimal, 3}, std::nullopt}}) {
    Header header = sample.commitment.header;
    header.encoding = encoding;
    header.dtype = dtype;
    std::vector<std::int64_t> values(72, 0);
    for (const std::int64_t padding : {0, 3}) {
      values[17] = padding;
      const Forgery forged = forge(sample, header, values, {Query::on_grid({0, 0, 5, 2})});
      const Verdict verdict = test::verdict_of(forged.commitment, forged.proofs, sample.checker);
      EXPECT_EQ(verdict.step(), padding == 0 ? "" : "padding") << encoding.to_string();
      if (padding == 0) continue;
      EXPECT_EQ(verdict.reason(), "a padding position opens to 3, the model layout pads with 0");
    }
  }
}

// The widest range of the encoding is one too.
TEST(Edges, RangeWithoutADtype) {
  const Sample sample = test::flat_sample();
  Header header = sample.commitment.header;
  header.dtype.reset();
  header.encoding = encode::Encoding{encode::Encoding::Kind::kBits, 0};
  const encode::Range range = header.value_range().value();
  for (const bool inside : {true, false}) {
    std::vector<Scalar> values(12);
    values[5] = inside ? range.largest : (Fr::from_scalar(range.largest) + Fr::one()).to_scalar();
    const Forgery forged = forge(sample, header, values, {Query::on_grid({0, 0}), Query::on_grid({1, 1})});
    const Verdict verdict = test::verdict_of(forged.commitment, forged.proofs, sample.checker);
    EXPECT_EQ(verdict.step(), inside ? "" : "value range");
    if (inside) continue;
    EXPECT_EQ(verdict.item(), 1U);
    EXPECT_NE(verdict.reason().find(" lies outside "), std::string::npos) << verdict.reason();
  }
}

// 0x7f80 is an infinity as bits of bf16; as a decimal it is 32.64.
TEST(Edges, NumbersOfADecimalAreNoBitPatterns) {
  const Sample sample = test::model_sample();
  using Kind = encode::Encoding::Kind;
  std::vector<std::int64_t> values(72, 0);
  values[0] = 0x7f80;
  for (const encode::Encoding& encoding : {encode::Encoding{Kind::kBits, 0}, {Kind::kDecimal, 3}}) {
    Header header = sample.commitment.header;
    header.encoding = encoding;
    const Forgery made = forge(sample, header, values, {Query::on_grid({0, 0, 0, 0})});
    EXPECT_EQ(test::verdict_of(made.commitment, made.proofs, sample.checker).step(),
              encoding.kind == Kind::kBits ? "value range" : "");
  }
}

TEST(Edges, CapturedValuesAreAsManyAsTheAxesHold) {
  const Sample sample = test::flat_sample();
  std::vector<std::int64_t> values;
  for (std::size_t i = 0; i < 12; ++i)
    values.push_back(static_cast<std::int64_t>(sample.values.view()[i].words[0]));
  for (const std::size_t count : {std::size_t{11}, std::size_t{13}}) {
    values.resize(count, 0);
    const Captured own{tensor::IntegerArray::borrow(IntegerView(values), nullptr), {}};
    VerifyOptions options;
    options.captured = &own;
    const Verdict verdict = test::verdict_of(sample.commitment, sample.proofs, sample.checker, options);
    EXPECT_EQ(verdict.step(), "captured tensor");
    EXPECT_EQ(verdict.reason(), std::to_string(count) + " values where the axes 3,4 need 12");
  }
}

TEST(Edges, EveryProofIsComparedWithWhatWasCaptured) {
  const Sample sample = test::flat_sample();
  std::vector<Query> all;
  for (std::uint64_t i = 0; i < 12; ++i) all.push_back(Query::on_grid(sample.srs.axes().coordinates_of(i)));
  const Proofs proofs = prove(sample.srs, sample.commitment, sample.values.view(), all).value();
  for (std::size_t other = 0; other < 12; ++other) {
    std::vector<std::int64_t> values;
    for (std::size_t i = 0; i < 12; ++i)
      values.push_back(static_cast<std::int64_t>(sample.values.view()[i].words[0]) + (i == other ? 1 : 0));
    const Captured own{tensor::IntegerArray::borrow(IntegerView(values), nullptr), {}};
    VerifyOptions options;
    options.captured = &own;
    const Verification found = verify(sample.commitment, proofs, sample.checker, options);
    EXPECT_EQ(found.verdict.step(), "captured values");
    EXPECT_EQ(found.verdict.item(), other);
    for (std::size_t k = 0; k < 12; ++k) EXPECT_EQ(found.matches[k], k != other) << k;
  }
}

constexpr std::uint32_t kMost = Challenge::kMaxCount;

Header flat_header(const tensor::Shape& shape) {
  const std::vector<encode::LayerShape> layers{{"array", shape, ""}};
  Header header{encode::plan_flat(layers).value(), {}, {}, {}, Digest{}};
  EXPECT_TRUE(header.validate().ok());
  return header;
}

/// A challenge to entries of so many axes.
Bytes challenge_of(std::uint32_t axes, std::uint32_t count,
                   const std::function<void(WireWriter&, std::uint32_t)>& query) {
  WireWriter writer;
  writer.begin("ASSAYCHL", 2).raw(Digest{}).u32(axes).u32(count);
  for (std::uint32_t k = 0; k < count; ++k) query(writer, k);
  return writer.take();
}

TEST(Edges, AChallengeAsksForAtMostAMillionPoints) {
  // More values than that on two axes.
  const Commitment commitment{flat_header({kMost, 2}), {}};
  const Result<Challenge> more = Challenge::from_seed(commitment, kMost + 1, 1);
  ASSERT_FALSE(more.ok());
  EXPECT_EQ(more.error().to_string(), "count of points: 1048577 is not in 1 to 1048576");
  EXPECT_FALSE(Challenge::draw(commitment, kMost + 1).ok());
  const auto query = [](WireWriter& writer, std::uint32_t k) { writer.u8(0).u32(k / 2).u32(k % 2); };
  const Bytes most = challenge_of(2, kMost, query);
  const Challenge decoded = Challenge::decode(most, "c").value();
  EXPECT_EQ(decoded.queries.size(), kMost);
  EXPECT_TRUE(decoded.encode() == most);
  const Result<Challenge> read = Challenge::decode(challenge_of(2, kMost + 1, query), "c");
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(read.error().reason, "a count of 1048577, there is room for 1048576");
}

TEST(Edges, ASetHasAtMostAMillionEntries) {
  const Axes line = test::axes_of({Axes::kMaxSize});
  std::vector<std::vector<std::uint32_t>> entries;
  entries.reserve(kMost + 1);
  for (std::uint32_t i = 0; i < kMost; ++i) entries.push_back({i});
  EXPECT_EQ(query_of_set(line, entries).value().parts.positions.size(), kMost);
  entries.push_back({0});
  const Result<Query> more = query_of_set(line, entries);
  ASSERT_FALSE(more.ok());
  EXPECT_EQ(more.error().code, ErrorCode::kOutOfRange);
  EXPECT_EQ(more.error().to_string(), "set: 1048577 entries, 1 to 1048576 are possible");
}

TEST(Edges, ASetHasEachEntryOnce) {
  const Axes axes = test::axes_of({3, 4});
  const std::vector<std::vector<std::uint32_t>> entries = {{2, 1}, {0, 3}, {2, 1}};
  const Result<Query> twice = query_of_set(axes, entries);
  ASSERT_FALSE(twice.ok());
  EXPECT_EQ(twice.error().to_string(), "set: an entry stands twice: ask for each once");
}

// Values of parts that take 32 bytes are residues, each in its one form.
TEST(Edges, AValueOfPartsIsBelowTheGroupOrder) {
  const auto read = [](const Scalar& second) {
    WireWriter writer;
    writer.begin("ASSAYPRF", 2).raw(Digest{}).u32(1).u32(1);
    writer.u8(3).u32(2).u32(0).u32(1);  // a set of the entries 0 and 1
    writer.u8(32).u64(2).raw(Scalar{{0, 1, 0, 0}}.to_bytes()).raw(second.to_bytes()).u32(0);
    return Proofs::decode(writer.bytes(), "proofs");
  };
  const Scalar largest = Scalar::from_i64(-1);  // r - 1
  EXPECT_EQ(read(largest).value().values(0).view()[1], largest);
  const Result<Proofs> order = read(Scalar{kScalarModulus});
  ASSERT_FALSE(order.ok());
  EXPECT_EQ(order.error().code, ErrorCode::kNonCanonical);
  EXPECT_EQ(order.error().place.find("proofs: values at byte "), 0U) << order.error().place;
  EXPECT_EQ(order.error().reason, "a scalar that is not below the group order r");
}

// Twice this count is 4 modulo 2^64, as many bytes as there are.
TEST(Edges, ValuesOfPartsAreNotMoreThanTheirBytes) {
  WireWriter writer;
  writer.begin("ASSAYPRF", 2).raw(Digest{}).u32(1).u32(1);
  writer.u8(3).u32(2).u32(0).u32(1);  // a set of the entries 0 and 1
  writer.u8(2).u64((std::uint64_t{1} << 63) + 2).u16(300).u16(300).u32(0);
  const Result<Proofs> read = Proofs::decode(writer.bytes(), "proofs");
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(read.error().reason, "9223372036854775810 of 2 bytes, 8 bytes are left");
}

// One that fixed all axes would be a second form of a set.
TEST(Edges, ASliceFixesSomeOfTheAxesThatThereAre) {
  const auto read = [](std::uint32_t mask) {
    return Challenge::decode(
        challenge_of(2, 1,
                     [mask](WireWriter& writer, std::uint32_t) { writer.u8(2).u32(mask).u32(1).u32(0); }),
        "c");
  };
  EXPECT_EQ(read(1).value().queries[0].parts, (Selection{{0}, {0}}));
  EXPECT_EQ(read(2).value().queries[0].parts, (Selection{{1}, {0}}));
  for (const std::uint32_t mask : {0U, 3U, 4U, 5U, 1U << 31}) {
    const Result<Challenge> none = read(mask);
    ASSERT_FALSE(none.ok()) << mask;
    EXPECT_EQ(none.error().code, ErrorCode::kOutOfRange) << mask;
    EXPECT_EQ(none.error().reason, "a slice of 2 axes fixes 1 to 1 of them") << mask;
  }
}

// In another order, or with one of them twice, they would be a second form.
TEST(Edges, PositionsAscend) {
  const auto read = [](bool set, std::uint32_t first, std::uint32_t second) {
    return Challenge::decode(challenge_of(2, 1,
                                          [&](WireWriter& writer, std::uint32_t) {
                                            writer.u8(set ? 3 : 2);
                                            if (!set) writer.u32(1);
                                            writer.u32(2).u32(first).u32(second);
                                          }),
                             "c");
  };
  for (const bool set : {false, true}) {
    EXPECT_EQ(read(set, 1, 2).value().queries[0].parts.positions, (std::vector<std::uint32_t>{1, 2}));
    for (const std::uint32_t second : {1U, 0U}) {
      const Result<Challenge> none = read(set, 1, second);
      ASSERT_FALSE(none.ok()) << set << second;
      EXPECT_EQ(none.error().code, ErrorCode::kNonCanonical);
      EXPECT_EQ(none.error().reason, "not in ascending order");
    }
  }
}

TEST(Edges, ACoordinateIsBelowTheLargestAxis) {
  const auto read = [](std::uint32_t coordinate) {
    return Challenge::decode(
        challenge_of(1, 1, [&](WireWriter& writer, std::uint32_t) { writer.u8(0).u32(coordinate); }), "c");
  };
  EXPECT_EQ(read((1U << 20) - 1).value().queries[0].grid[0], (1U << 20) - 1);
  const Result<Challenge> at = read(1U << 20);
  ASSERT_FALSE(at.ok());
  EXPECT_EQ(at.error().code, ErrorCode::kOutOfRange);
  EXPECT_EQ(at.error().reason, "1048576, no axis has more than 1048576 nodes");
}

TEST(Edges, ThereMayBe32Axes) {
  const Header header = flat_header(tensor::Shape(32, 1));
  EXPECT_EQ(Header::decode(header.encode(), "h").value(), header);
  const auto query = [](std::uint32_t axes) {
    return [axes](WireWriter& writer, std::uint32_t) {
      writer.u8(0);
      for (std::uint32_t i = 0; i < axes; ++i) writer.u32(0);
    };
  };
  EXPECT_EQ(Challenge::decode(challenge_of(32, 1, query(32)), "c").value().queries[0].grid.size(), 32U);
  const Result<Challenge> more = Challenge::decode(challenge_of(33, 1, query(33)), "c");
  ASSERT_FALSE(more.ok());
  EXPECT_EQ(more.error().reason, "33 is not in 1 to 32");
  Bytes one_more = header.encode();
  one_more[6] = 33;
  EXPECT_EQ(Header::decode(one_more, "h").error().reason, "33 is not in 1 to 32");
}

TEST(Edges, AHeaderMayHaveAllOfItsCap) {
  constexpr std::size_t kLayers = 48'000;
  const auto with_taps = [](std::size_t bytes) {
    std::vector<encode::LayerShape> shapes;
    for (std::size_t i = 0; i < kLayers; ++i) {
      const std::size_t tap = bytes / kLayers + (i < bytes % kLayers ? 1 : 0);
      shapes.push_back({std::to_string(10'000 + i), {1}, std::string(tap, 't')});
    }
    return Header{encode::plan_flat(shapes).value(), {}, {}, {}, Digest{}};
  };
  const std::size_t room = Header::kMaxBytes - with_taps(0).encode().size();
  const Header most = with_taps(room);
  ASSERT_EQ(most.encode().size(), Header::kMaxBytes);
  EXPECT_TRUE(most.validate().ok());
  EXPECT_EQ(Header::decode(most.encode(), "h").value(), most);
  EXPECT_EQ(with_taps(room + 1).validate().error().code, ErrorCode::kTooLarge);
}

// 64 bytes more for each of 48,000 layers are more than fits into 4 MiB, wherever they stand.
TEST(Edges, NamesAndTapsCountForTheCapOfAHeader) {
  const auto status_of = [](std::size_t name, std::size_t tap) {
    std::vector<encode::LayerShape> shapes;
    for (int i = 0; i < 48'000; ++i) {
      const std::string number = std::to_string(10'000 + i);
      shapes.push_back({number + std::string(name, 'n'), {1}, std::string(tap, 't')});
    }
    return Header{encode::plan_flat(shapes).value(), {}, {}, {}, Digest{}}.validate();
  };
  EXPECT_TRUE(status_of(16, 16).ok());
  for (const auto& [name, tap] : {std::pair(0, 64), {64, 0}, {32, 32}}) {
    const Status status = status_of(static_cast<std::size_t>(name), static_cast<std::size_t>(tap));
    ASSERT_FALSE(status.ok()) << name << " and " << tap;
    EXPECT_EQ(status.error().code, ErrorCode::kTooLarge) << status.error().to_string();
    EXPECT_EQ(status.error().place, "layer map");
  }
}

}  // namespace
}  // namespace assay::claim
