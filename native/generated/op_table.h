// The op table as C++ sees it. Generated from lib/ops by scripts/generate-op-table.mjs: do not edit.
// An attribute struct is exactly the words that a plan carries for the op, in order.
#pragma once

#include <cstdint>

#include "../ops/op.h"

// clang-format off
namespace lanewise {

inline constexpr uint32_t kOpTableHash = 0x4a7dfa3du;

enum class OpCode : int32_t {
  kConv2d = 0,
  kConv2dDx = 1,
  kConv2dDw = 2,
  kLinear = 3,
  kLinearDx = 4,
  kLinearDw = 5,
  kGemm = 6,
  kBiasAdd = 7,
  kBiasAddDb = 8,
  kRelu = 9,
  kReluDx = 10,
  kLeakyRelu = 11,
  kLeakyReluDx = 12,
  kSigmoid = 13,
  kSigmoidDx = 14,
  kTanh = 15,
  kTanhDx = 16,
  kSoftmax = 17,
  kSoftmaxDx = 18,
  kSoftmaxCrossEntropy = 19,
  kSoftmaxCrossEntropyDx = 20,
  kBatchNorm2d = 21,
  kBatchNorm2dRunning = 22,
  kBatchNorm2dInference = 23,
  kBatchNorm2dDw = 24,
  kBatchNorm2dDx = 25,
  kDropout = 26,
  kReshape = 27,
  kAdd = 28,
  kMaxPool2d = 29,
  kMaxPool2dDx = 30,
  kAvgPool2d = 31,
  kAvgPool2dDx = 32,
  kGlobalAvgPool2d = 33,
  kGlobalAvgPool2dDx = 34,
  kGlobalMaxPool2d = 35,
  kGlobalMaxPool2dDx = 36,
  kNormalize = 37,
  kFill = 38,
  kGuardFinite = 39,
  kCountCorrect = 40,
  kSgdStep = 41,
  kAdamStep = 42,
  kBiasActivationDx = 43,
  kBatchNorm2dFold = 44,
  kUnary = 45,
  kUnaryDx = 46,
  kPrelu = 47,
  kPreluDx = 48,
  kPreluDw = 49,
  kLogSoftmax = 50,
  kLogSoftmaxDx = 51,
  kTranspose = 52,
  kSlice = 53,
  kSliceDx = 54,
  kConcat = 55,
  kBinary = 56,
  kReduce = 57,
  kBroadcast = 58,
  kRmspropStep = 59,
  kBlend = 60,
  kOneHot = 61,
  kPad = 62,
  kPadDx = 63,
  kResize2d = 64,
  kResize2dDx = 65,
  kAdaptiveAvgPool2d = 66,
  kAdaptiveAvgPool2dDx = 67,
  kAdaptiveMaxPool2d = 68,
  kAdaptiveMaxPool2dDx = 69,
  kMaxPool2dPosition = 70,
  kMaxUnpool2d = 71,
  kMaxUnpool2dDx = 72,
  kGroupNorm = 73,
  kGroupNormDw = 74,
  kGroupNormDx = 75,
  kLocalResponseNorm = 76,
  kLocalResponseNormDx = 77,
};

struct Conv2dAttrs {
  int32_t stride_h;
  int32_t stride_w;
  int32_t pad_top;
  int32_t pad_left;
  int32_t pad_bottom;
  int32_t pad_right;
  int32_t dilation_h;
  int32_t dilation_w;
  int32_t groups;
  int32_t activation;
  float slope;
};

struct Conv2dDxAttrs {
  int32_t stride_h;
  int32_t stride_w;
  int32_t pad_top;
  int32_t pad_left;
  int32_t pad_bottom;
  int32_t pad_right;
  int32_t dilation_h;
  int32_t dilation_w;
  int32_t groups;
  int32_t in_h;
  int32_t in_w;
  int32_t activation;
  float slope;
};

struct Conv2dDwAttrs {
  int32_t stride_h;
  int32_t stride_w;
  int32_t pad_top;
  int32_t pad_left;
  int32_t pad_bottom;
  int32_t pad_right;
  int32_t dilation_h;
  int32_t dilation_w;
  int32_t groups;
  int32_t kernel_h;
  int32_t kernel_w;
};

struct LinearAttrs {
  int32_t activation;
  float slope;
};

struct GemmAttrs {
  int32_t trans_a;
  int32_t trans_b;
};

struct LeakyReluAttrs {
  float slope;
};

struct LeakyReluDxAttrs {
  float slope;
};

struct SoftmaxCrossEntropyAttrs {
  float label_smoothing;
  int32_t ignore_index;
};

struct SoftmaxCrossEntropyDxAttrs {
  float label_smoothing;
  int32_t ignore_index;
};

struct BatchNorm2dAttrs {
  float epsilon;
  int32_t activation;
  float slope;
};

struct BatchNorm2dRunningAttrs {
  float momentum;
  float unbiased;
};

struct BatchNorm2dInferenceAttrs {
  float epsilon;
  int32_t activation;
  float slope;
};

struct BatchNorm2dDwAttrs {
  float epsilon;
  int32_t activation;
  float slope;
};

struct BatchNorm2dDxAttrs {
  float epsilon;
  int32_t activation;
  float slope;
};

struct DropoutAttrs {
  float rate;
  int32_t stream;
};

struct ReshapeAttrs {
  int32_t rank;
  int32_t d0;
  int32_t d1;
  int32_t d2;
  int32_t d3;
  int32_t d4;
  int32_t d5;
};

struct AddAttrs {
  int32_t activation;
  float slope;
};

struct MaxPool2dAttrs {
  int32_t kernel_h;
  int32_t kernel_w;
  int32_t stride_h;
  int32_t stride_w;
  int32_t pad_top;
  int32_t pad_left;
  int32_t pad_bottom;
  int32_t pad_right;
  int32_t dilation_h;
  int32_t dilation_w;
};

struct MaxPool2dDxAttrs {
  int32_t kernel_h;
  int32_t kernel_w;
  int32_t stride_h;
  int32_t stride_w;
  int32_t pad_top;
  int32_t pad_left;
  int32_t pad_bottom;
  int32_t pad_right;
  int32_t dilation_h;
  int32_t dilation_w;
  int32_t in_h;
  int32_t in_w;
};

struct AvgPool2dAttrs {
  int32_t kernel_h;
  int32_t kernel_w;
  int32_t stride_h;
  int32_t stride_w;
  int32_t pad_top;
  int32_t pad_left;
  int32_t pad_bottom;
  int32_t pad_right;
  int32_t dilation_h;
  int32_t dilation_w;
  int32_t count_padding;
  int32_t ceil_bottom;
  int32_t ceil_right;
  int32_t divisor;
};

struct AvgPool2dDxAttrs {
  int32_t kernel_h;
  int32_t kernel_w;
  int32_t stride_h;
  int32_t stride_w;
  int32_t pad_top;
  int32_t pad_left;
  int32_t pad_bottom;
  int32_t pad_right;
  int32_t dilation_h;
  int32_t dilation_w;
  int32_t count_padding;
  int32_t ceil_bottom;
  int32_t ceil_right;
  int32_t divisor;
  int32_t in_h;
  int32_t in_w;
};

struct GlobalAvgPool2dDxAttrs {
  int32_t in_h;
  int32_t in_w;
};

struct GlobalMaxPool2dDxAttrs {
  int32_t in_h;
  int32_t in_w;
};

struct FillAttrs {
  float value;
  int32_t count;
};

struct SgdStepAttrs {
  float momentum;
  int32_t nesterov;
  float weight_decay;
};

struct AdamStepAttrs {
  float beta1;
  float beta2;
  float epsilon;
  float weight_decay;
  int32_t decoupled;
};

struct BiasActivationDxAttrs {
  int32_t activation;
  float slope;
};

struct BatchNorm2dFoldAttrs {
  float epsilon;
};

struct UnaryAttrs {
  int32_t kind;
  float alpha;
  float beta;
};

struct UnaryDxAttrs {
  int32_t kind;
  float alpha;
  float beta;
};

struct PreluDwAttrs {
  int32_t shared;
};

struct TransposeAttrs {
  int32_t perm0;
  int32_t perm1;
  int32_t perm2;
  int32_t perm3;
  int32_t perm4;
  int32_t perm5;
};

struct SliceAttrs {
  int32_t start0;
  int32_t start1;
  int32_t start2;
  int32_t start3;
  int32_t start4;
  int32_t start5;
  int32_t step0;
  int32_t step1;
  int32_t step2;
  int32_t step3;
  int32_t step4;
  int32_t step5;
  int32_t size0;
  int32_t size1;
  int32_t size2;
  int32_t size3;
  int32_t size4;
  int32_t size5;
};

struct SliceDxAttrs {
  int32_t start0;
  int32_t start1;
  int32_t start2;
  int32_t start3;
  int32_t start4;
  int32_t start5;
  int32_t step0;
  int32_t step1;
  int32_t step2;
  int32_t step3;
  int32_t step4;
  int32_t step5;
  int32_t in0;
  int32_t in1;
  int32_t in2;
  int32_t in3;
  int32_t in4;
  int32_t in5;
};

struct ConcatAttrs {
  int32_t axis;
};

struct BinaryAttrs {
  int32_t kind;
};

struct ReduceAttrs {
  int32_t kind;
  int32_t axes;
};

struct BroadcastAttrs {
  int32_t rank;
  int32_t d0;
  int32_t d1;
  int32_t d2;
  int32_t d3;
  int32_t d4;
  int32_t d5;
};

struct RmspropStepAttrs {
  float alpha;
  float momentum;
  float epsilon;
  float weight_decay;
  int32_t cumulative;
};

struct OneHotAttrs {
  int32_t classes;
};

struct PadAttrs {
  int32_t mode;
  float value;
  int32_t before0;
  int32_t before1;
  int32_t before2;
  int32_t before3;
  int32_t before4;
  int32_t before5;
  int32_t after0;
  int32_t after1;
  int32_t after2;
  int32_t after3;
  int32_t after4;
  int32_t after5;
};

struct PadDxAttrs {
  int32_t mode;
  int32_t before0;
  int32_t before1;
  int32_t before2;
  int32_t before3;
  int32_t before4;
  int32_t before5;
  int32_t after0;
  int32_t after1;
  int32_t after2;
  int32_t after3;
  int32_t after4;
  int32_t after5;
};

struct Resize2dAttrs {
  int32_t mode;
  int32_t out_h;
  int32_t out_w;
  float step_h;
  float step_w;
};

struct Resize2dDxAttrs {
  int32_t mode;
  int32_t in_h;
  int32_t in_w;
  float step_h;
  float step_w;
};

struct AdaptiveAvgPool2dAttrs {
  int32_t out_h;
  int32_t out_w;
};

struct AdaptiveAvgPool2dDxAttrs {
  int32_t in_h;
  int32_t in_w;
};

struct AdaptiveMaxPool2dAttrs {
  int32_t out_h;
  int32_t out_w;
};

struct AdaptiveMaxPool2dDxAttrs {
  int32_t in_h;
  int32_t in_w;
};

struct MaxPool2dPositionAttrs {
  int32_t kernel_h;
  int32_t kernel_w;
  int32_t stride_h;
  int32_t stride_w;
  int32_t pad_top;
  int32_t pad_left;
  int32_t pad_bottom;
  int32_t pad_right;
  int32_t dilation_h;
  int32_t dilation_w;
  int32_t in_h;
  int32_t in_w;
  int32_t depth;
  int32_t step_n;
  int32_t step_d;
  int32_t step_h;
  int32_t step_w;
  int32_t step_c;
};

struct MaxUnpool2dAttrs {
  int32_t out_h;
  int32_t out_w;
};

struct GroupNormAttrs {
  int32_t groups;
  float epsilon;
  int32_t activation;
  float slope;
};

struct LocalResponseNormAttrs {
  int32_t before;
  int32_t after;
  float alpha;
  float beta;
  float k;
};

struct LocalResponseNormDxAttrs {
  int32_t before;
  int32_t after;
  float alpha;
  float beta;
  float k;
};

extern const OpImpl conv2d_impl;
extern const OpImpl conv2d_dx_impl;
extern const OpImpl conv2d_dw_impl;
extern const OpImpl linear_impl;
extern const OpImpl linear_dx_impl;
extern const OpImpl linear_dw_impl;
extern const OpImpl gemm_impl;
extern const OpImpl bias_add_impl;
extern const OpImpl bias_add_db_impl;
extern const OpImpl relu_impl;
extern const OpImpl relu_dx_impl;
extern const OpImpl leaky_relu_impl;
extern const OpImpl leaky_relu_dx_impl;
extern const OpImpl sigmoid_impl;
extern const OpImpl sigmoid_dx_impl;
extern const OpImpl tanh_impl;
extern const OpImpl tanh_dx_impl;
extern const OpImpl softmax_impl;
extern const OpImpl softmax_dx_impl;
extern const OpImpl softmax_cross_entropy_impl;
extern const OpImpl softmax_cross_entropy_dx_impl;
extern const OpImpl batch_norm2d_impl;
extern const OpImpl batch_norm2d_running_impl;
extern const OpImpl batch_norm2d_inference_impl;
extern const OpImpl batch_norm2d_dw_impl;
extern const OpImpl batch_norm2d_dx_impl;
extern const OpImpl dropout_impl;
extern const OpImpl add_impl;
extern const OpImpl max_pool2d_impl;
extern const OpImpl max_pool2d_dx_impl;
extern const OpImpl avg_pool2d_impl;
extern const OpImpl avg_pool2d_dx_impl;
extern const OpImpl global_avg_pool2d_impl;
extern const OpImpl global_avg_pool2d_dx_impl;
extern const OpImpl global_max_pool2d_impl;
extern const OpImpl global_max_pool2d_dx_impl;
extern const OpImpl normalize_impl;
extern const OpImpl fill_impl;
extern const OpImpl guard_finite_impl;
extern const OpImpl count_correct_impl;
extern const OpImpl sgd_step_impl;
extern const OpImpl adam_step_impl;
extern const OpImpl bias_activation_dx_impl;
extern const OpImpl batch_norm2d_fold_impl;
extern const OpImpl unary_impl;
extern const OpImpl unary_dx_impl;
extern const OpImpl prelu_impl;
extern const OpImpl prelu_dx_impl;
extern const OpImpl prelu_dw_impl;
extern const OpImpl log_softmax_impl;
extern const OpImpl log_softmax_dx_impl;
extern const OpImpl transpose_impl;
extern const OpImpl slice_impl;
extern const OpImpl slice_dx_impl;
extern const OpImpl concat_impl;
extern const OpImpl binary_impl;
extern const OpImpl reduce_impl;
extern const OpImpl broadcast_impl;
extern const OpImpl rmsprop_step_impl;
extern const OpImpl blend_impl;
extern const OpImpl one_hot_impl;
extern const OpImpl pad_impl;
extern const OpImpl pad_dx_impl;
extern const OpImpl resize2d_impl;
extern const OpImpl resize2d_dx_impl;
extern const OpImpl adaptive_avg_pool2d_impl;
extern const OpImpl adaptive_avg_pool2d_dx_impl;
extern const OpImpl adaptive_max_pool2d_impl;
extern const OpImpl adaptive_max_pool2d_dx_impl;
extern const OpImpl max_pool2d_position_impl;
extern const OpImpl max_unpool2d_impl;
extern const OpImpl max_unpool2d_dx_impl;
extern const OpImpl group_norm_impl;
extern const OpImpl group_norm_dw_impl;
extern const OpImpl group_norm_dx_impl;
extern const OpImpl local_response_norm_impl;
extern const OpImpl local_response_norm_dx_impl;

struct OpEntry {
  const char* name;
  int min_inputs;
  int max_inputs;
  int n_outputs;
  int n_attrs;
  const OpImpl* impl;         // nullptr: a view, which no plan contains
  uint32_t optional_inputs;   // bit per input
  uint32_t mutated_inputs;    // bit per input
  int in_place_input;         // -1: none
  int in_place_output;
};

inline constexpr OpEntry kOpTable[] = {
    {"conv2d", 2, 3, 1, 11, &conv2d_impl, 0x4, 0x0, -1, -1},
    {"conv2d_dx", 2, 3, 1, 13, &conv2d_dx_impl, 0x4, 0x0, -1, -1},
    {"conv2d_dw", 2, 2, 1, 11, &conv2d_dw_impl, 0x0, 0x0, -1, -1},
    {"linear", 2, 3, 1, 2, &linear_impl, 0x4, 0x0, -1, -1},
    {"linear_dx", 2, 2, 1, 0, &linear_dx_impl, 0x0, 0x0, -1, -1},
    {"linear_dw", 2, 2, 1, 0, &linear_dw_impl, 0x0, 0x0, -1, -1},
    {"gemm", 2, 2, 1, 2, &gemm_impl, 0x0, 0x0, -1, -1},
    {"bias_add", 2, 2, 1, 0, &bias_add_impl, 0x0, 0x0, 0, 0},
    {"bias_add_db", 1, 1, 1, 0, &bias_add_db_impl, 0x0, 0x0, -1, -1},
    {"relu", 1, 1, 1, 0, &relu_impl, 0x0, 0x0, 0, 0},
    {"relu_dx", 2, 2, 1, 0, &relu_dx_impl, 0x0, 0x0, 0, 0},
    {"leaky_relu", 1, 1, 1, 1, &leaky_relu_impl, 0x0, 0x0, 0, 0},
    {"leaky_relu_dx", 2, 2, 1, 1, &leaky_relu_dx_impl, 0x0, 0x0, 0, 0},
    {"sigmoid", 1, 1, 1, 0, &sigmoid_impl, 0x0, 0x0, 0, 0},
    {"sigmoid_dx", 2, 2, 1, 0, &sigmoid_dx_impl, 0x0, 0x0, 0, 0},
    {"tanh", 1, 1, 1, 0, &tanh_impl, 0x0, 0x0, 0, 0},
    {"tanh_dx", 2, 2, 1, 0, &tanh_dx_impl, 0x0, 0x0, 0, 0},
    {"softmax", 1, 1, 1, 0, &softmax_impl, 0x0, 0x0, -1, -1},
    {"softmax_dx", 2, 2, 1, 0, &softmax_dx_impl, 0x0, 0x0, 0, 0},
    {"softmax_cross_entropy", 2, 3, 2, 2, &softmax_cross_entropy_impl, 0x4, 0x0, -1, -1},
    {"softmax_cross_entropy_dx", 3, 4, 1, 2, &softmax_cross_entropy_dx_impl, 0x8, 0x0, -1, -1},
    {"batch_norm2d", 3, 4, 3, 3, &batch_norm2d_impl, 0x8, 0x0, 3, 0},
    {"batch_norm2d_running", 4, 4, 0, 2, &batch_norm2d_running_impl, 0x0, 0x3, -1, -1},
    {"batch_norm2d_inference", 5, 5, 1, 3, &batch_norm2d_inference_impl, 0x0, 0x0, -1, -1},
    {"batch_norm2d_dw", 6, 6, 2, 3, &batch_norm2d_dw_impl, 0x0, 0x0, -1, -1},
    {"batch_norm2d_dx", 8, 8, 1, 3, &batch_norm2d_dx_impl, 0x0, 0x0, 0, 0},
    {"dropout", 2, 2, 1, 2, &dropout_impl, 0x0, 0x0, 0, 0},
    {"reshape", 1, 1, 1, 7, nullptr, 0x0, 0x0, -1, -1},
    {"add", 2, 3, 1, 2, &add_impl, 0x4, 0x0, 0, 0},
    {"max_pool2d", 1, 1, 2, 10, &max_pool2d_impl, 0x0, 0x0, -1, -1},
    {"max_pool2d_dx", 2, 2, 1, 12, &max_pool2d_dx_impl, 0x0, 0x0, -1, -1},
    {"avg_pool2d", 1, 1, 1, 14, &avg_pool2d_impl, 0x0, 0x0, -1, -1},
    {"avg_pool2d_dx", 1, 1, 1, 16, &avg_pool2d_dx_impl, 0x0, 0x0, -1, -1},
    {"global_avg_pool2d", 1, 1, 1, 0, &global_avg_pool2d_impl, 0x0, 0x0, -1, -1},
    {"global_avg_pool2d_dx", 1, 1, 1, 2, &global_avg_pool2d_dx_impl, 0x0, 0x0, -1, -1},
    {"global_max_pool2d", 1, 1, 2, 0, &global_max_pool2d_impl, 0x0, 0x0, -1, -1},
    {"global_max_pool2d_dx", 2, 2, 1, 2, &global_max_pool2d_dx_impl, 0x0, 0x0, -1, -1},
    {"normalize", 3, 3, 1, 0, &normalize_impl, 0x0, 0x0, -1, -1},
    {"fill", 0, 0, 1, 2, &fill_impl, 0x0, 0x0, -1, -1},
    {"guard_finite", 1, 1, 0, 0, &guard_finite_impl, 0x0, 0x0, -1, -1},
    {"count_correct", 2, 2, 1, 0, &count_correct_impl, 0x0, 0x0, -1, -1},
    {"sgd_step", 4, 4, 0, 3, &sgd_step_impl, 0x2, 0x3, -1, -1},
    {"adam_step", 5, 5, 0, 5, &adam_step_impl, 0x0, 0x7, -1, -1},
    {"bias_activation_dx", 2, 2, 2, 2, &bias_activation_dx_impl, 0x0, 0x0, 0, 0},
    {"batch_norm2d_fold", 5, 6, 2, 1, &batch_norm2d_fold_impl, 0x20, 0x0, -1, -1},
    {"unary", 1, 1, 1, 3, &unary_impl, 0x0, 0x0, 0, 0},
    {"unary_dx", 2, 2, 1, 3, &unary_dx_impl, 0x0, 0x0, 0, 0},
    {"prelu", 2, 2, 1, 0, &prelu_impl, 0x0, 0x0, 0, 0},
    {"prelu_dx", 3, 3, 1, 0, &prelu_dx_impl, 0x0, 0x0, 0, 0},
    {"prelu_dw", 2, 2, 1, 1, &prelu_dw_impl, 0x0, 0x0, -1, -1},
    {"log_softmax", 1, 1, 1, 0, &log_softmax_impl, 0x0, 0x0, -1, -1},
    {"log_softmax_dx", 2, 2, 1, 0, &log_softmax_dx_impl, 0x0, 0x0, 0, 0},
    {"transpose", 1, 1, 1, 6, &transpose_impl, 0x0, 0x0, -1, -1},
    {"slice", 1, 1, 1, 18, &slice_impl, 0x0, 0x0, -1, -1},
    {"slice_dx", 1, 1, 1, 18, &slice_dx_impl, 0x0, 0x0, -1, -1},
    {"concat", 2, 8, 1, 1, &concat_impl, 0xfc, 0x0, -1, -1},
    {"binary", 2, 2, 1, 1, &binary_impl, 0x0, 0x0, 0, 0},
    {"reduce", 1, 1, 1, 2, &reduce_impl, 0x0, 0x0, -1, -1},
    {"broadcast", 1, 1, 1, 7, &broadcast_impl, 0x0, 0x0, -1, -1},
    {"rmsprop_step", 6, 6, 0, 5, &rmsprop_step_impl, 0xc, 0xf, -1, -1},
    {"blend", 3, 3, 0, 0, &blend_impl, 0x0, 0x1, -1, -1},
    {"one_hot", 1, 1, 1, 1, &one_hot_impl, 0x0, 0x0, -1, -1},
    {"pad", 1, 1, 1, 14, &pad_impl, 0x0, 0x0, -1, -1},
    {"pad_dx", 1, 1, 1, 13, &pad_dx_impl, 0x0, 0x0, -1, -1},
    {"resize2d", 1, 1, 1, 5, &resize2d_impl, 0x0, 0x0, -1, -1},
    {"resize2d_dx", 1, 1, 1, 5, &resize2d_dx_impl, 0x0, 0x0, -1, -1},
    {"adaptive_avg_pool2d", 1, 1, 1, 2, &adaptive_avg_pool2d_impl, 0x0, 0x0, -1, -1},
    {"adaptive_avg_pool2d_dx", 1, 1, 1, 2, &adaptive_avg_pool2d_dx_impl, 0x0, 0x0, -1, -1},
    {"adaptive_max_pool2d", 1, 1, 2, 2, &adaptive_max_pool2d_impl, 0x0, 0x0, -1, -1},
    {"adaptive_max_pool2d_dx", 2, 2, 1, 2, &adaptive_max_pool2d_dx_impl, 0x0, 0x0, -1, -1},
    {"max_pool2d_position", 1, 1, 1, 18, &max_pool2d_position_impl, 0x0, 0x0, -1, -1},
    {"max_unpool2d", 2, 2, 1, 2, &max_unpool2d_impl, 0x0, 0x0, -1, -1},
    {"max_unpool2d_dx", 2, 2, 1, 0, &max_unpool2d_dx_impl, 0x0, 0x0, -1, -1},
    {"group_norm", 3, 3, 3, 4, &group_norm_impl, 0x0, 0x0, 0, 0},
    {"group_norm_dw", 4, 4, 2, 0, &group_norm_dw_impl, 0x0, 0x0, -1, -1},
    {"group_norm_dx", 5, 5, 1, 0, &group_norm_dx_impl, 0x0, 0x0, 0, 0},
    {"local_response_norm", 1, 1, 1, 5, &local_response_norm_impl, 0x0, 0x0, 0, 0},
    {"local_response_norm_dx", 2, 2, 1, 5, &local_response_norm_dx_impl, 0x0, 0x0, 0, 0},
};

inline constexpr int kOpCount = 78;

}  // namespace lanewise
// clang-format on
