// What commands print of an opening.
#include "claim/report.h"

#include "claim/test_support.h"

namespace assay::claim {
namespace {

using test::Sample;

/// Of one value, one of padding and one off the grid.
Proofs three_kinds(const Sample& sample) {
  const std::vector<Query> points{Query::on_grid({1, 0, 1, 0}), Query::on_grid({0, 0, 5, 2}),
                                  Query::anywhere(std::vector<Fr>(4, Fr::from_i64(-3)), sample.srs.axes())};
  return prove(sample.srs, sample.commitment, sample.values.view(), points).value();
}

TEST(Report, OfAnOpeningSaysWhatIsKnown) {
  const Sample sample = test::model_sample();
  const Proofs proofs = three_kinds(sample);
  const Header& header = sample.commitment.header;
  const OpeningReport bare = report_of(proofs, 0, nullptr, nullptr);
  EXPECT_FALSE(bare.place || bare.number || bare.verified || bare.matched);
  EXPECT_EQ(line_of(bare), "  1,0,1,0 = -16889");
  EXPECT_EQ(json_of(bare).dump(),
            R"({"point":[1,0,1,0],"value":"-16889","number":null,"place":null,"padding":null,)"
            R"("verified":null,"ground_truth":{"matched":null}})");
  const OpeningReport placed = report_of(proofs, 0, &header, nullptr);
  EXPECT_EQ(line_of(placed), "  1,0,1,0 = -16889 (-0.13183594)  layer_1[0, 0, 3]");
  EXPECT_EQ(json_of(placed)["place"], "layer_1[0, 0, 3]");
  EXPECT_EQ(json_of(placed)["padding"], false);
  EXPECT_EQ(line_of(report_of(proofs, 1, &header, nullptr)), "  0,0,5,2 = 0  padding");
  EXPECT_EQ(json_of(report_of(proofs, 1, &header, nullptr))["padding"], true);
  const OpeningReport off = report_of(proofs, 2, &header, nullptr);
  EXPECT_FALSE(off.place || off.number);
  EXPECT_EQ(json_of(off)["point"].dump(), R"(["-3","-3","-3","-3"])");
}

TEST(Report, OfPartsCountsTheirValues) {
  const Sample sample = test::model_sample();
  const std::vector<Query> layers{Query::of_parts({{0}, {1}}, sample.srs.axes())};
  const Proofs proofs = prove(sample.srs, sample.commitment, sample.values.view(), layers).value();
  const OpeningReport report = report_of(proofs, 0, &sample.commitment.header, nullptr);
  EXPECT_EQ(line_of(report), "  axes 0 at position 1: 34 values");
  EXPECT_EQ(json_of(report).dump(),
            R"({"point":{"axes":[0],"positions":[1]},"value":null,"num_values":34,"number":null,)"
            R"("place":null,"padding":null,"verified":null,"ground_truth":{"matched":null}})");
}

// Integers off the grid are no numbers of the tensor, even where the encoding could write them.
TEST(Report, OfAPointOffTheGridGivesNoNumber) {
  const Sample sample = test::flat_sample();
  const std::vector<Query> points{Query::on_grid({0, 1}),
                                  Query::anywhere({Fr::from_i64(-4), Fr::one()}, sample.srs.axes())};
  const Proofs proofs = prove(sample.srs, sample.commitment, sample.values.view(), points).value();
  const Header& header = sample.commitment.header;
  EXPECT_EQ(report_of(proofs, 0, &header, nullptr).number, "42");
  const OpeningReport off = report_of(proofs, 1, &header, nullptr);
  EXPECT_EQ(off.number, std::nullopt);
  EXPECT_FALSE(off.place.has_value());
}

TEST(Report, OfAVerifiedOpeningSaysWhatWasFound) {
  const Sample sample = test::model_sample();
  const Proofs proofs = three_kinds(sample);
  std::vector<std::int64_t> others(sample.values.size(), 0);
  const Captured own{tensor::IntegerArray::borrow(IntegerView(others), nullptr), {}};
  VerifyOptions options;
  options.captured = &own;
  const Verification differs = verify(sample.commitment, proofs, sample.checker, options);
  EXPECT_EQ(line_of(report_of(proofs, 0, nullptr, &differs)), "  1,0,1,0 = -16889  not the captured value");
  EXPECT_EQ(line_of(report_of(proofs, 1, nullptr, &differs)), "  0,0,5,2 = 0  as captured");
  const Verification bare = verify(sample.commitment, proofs, sample.checker);
  const OpeningReport verified = report_of(proofs, 0, nullptr, &bare);
  EXPECT_EQ(verified.verified, true);
  EXPECT_EQ(verified.matched, std::nullopt) << "nothing was captured";
  const Proofs forged = test::edited(proofs, [](auto& list) { list[0].answer.value += Fr::one(); });
  const Verification rejected = verify(sample.commitment, forged, sample.checker);
  EXPECT_EQ(line_of(report_of(forged, 0, nullptr, &rejected)), "  1,0,1,0 = -16888  does not verify");
  EXPECT_EQ(line_of(report_of(forged, 1, nullptr, &rejected)), "  0,0,5,2 = 0");
}

}  // namespace
}  // namespace assay::claim
