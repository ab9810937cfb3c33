-- AlterTable
ALTER TABLE "job" ADD COLUMN     "deploy_targets" TEXT[] DEFAULT ARRAY[]::TEXT[];
