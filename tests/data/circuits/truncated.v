// An approximate multiplier of 8 by 8 bits: the four lowest columns of partial products are left out, and rows are added
// in pairs. It is never too large, and too small by at most 49.
`timescale 1ns / 1ps
module truncated(input [7:0] a, b, output [15:0] product);
  wire [15:0] r0 = {8'd0, a[7:4] & {b[0], b[0], b[0], b[0]}, 4'd0};
  wire [15:0] r1 = {7'd0, a[7:3] & {b[1], b[1], b[1], b[1], b[1]}, 4'd0};
  wire [15:0] r2 = {6'd0, a[7:2] & {b[2], b[2], b[2], b[2], b[2], b[2]}, 4'd0};
  wire [15:0] r3 = {5'd0, a[7:1] & {b[3], b[3], b[3], b[3], b[3], b[3], b[3]}, 4'd0};
  wire [15:0] r4 = {4'd0, a & {b[4], b[4], b[4], b[4], b[4], b[4], b[4], b[4]}, 4'd0};
  wire [15:0] r5 = {3'd0, a & {b[5], b[5], b[5], b[5], b[5], b[5], b[5], b[5]}, 5'd0};
  wire [15:0] r6 = {2'd0, a & {b[6], b[6], b[6], b[6], b[6], b[6], b[6], b[6]}, 6'd0};
  wire [15:0] r7 = {1'd0, a & {b[7], b[7], b[7], b[7], b[7], b[7], b[7], b[7]}, 7'd0};
  assign product = ((r0 + r1) + (r2 + r3)) + ((r4 + r5) + (r6 + r7));
endmodule
